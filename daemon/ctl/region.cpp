#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>

#include "daemon/ctl/arguments.h"
#include "daemon/ctl/command.h"
#include "daemon/ctl/console.h"
#include "daemon/ctl/field.h"

namespace ivshmemd::ctl {
namespace {

struct RegionArguments {
    std::string action;
    json request = json::object();
};

int run_region(const RegionArguments& arguments, Session& session) {
    if (arguments.action != "remove") {
        return print_error(usage_error("'" + arguments.action +
                                       "' is nothing that can be done to a region; there is "
                                       "'remove'; see 'ivshmemctl region --help'"),
                           session.json_mode(), session.console());
    }
    Wait wait;
    wait.changes_something = true;
    const Answer answer =
        session.call("RemoveRegion", arguments.request, "removing the region", wait);
    return session.finish(answer, [&arguments](const json&, Console& console) {
        console.out << "removed " << printable(text_field(&arguments.request, "region")) << '\n';
    });
}

}  // namespace

Runner declare_region(CLI::App& app) {
    const auto arguments = std::make_shared<RegionArguments>();
    app.add_option("ACTION", arguments->action, "What to do: remove")->required();
    add_text(app, "NAME", arguments->request, "region", "Name of the region")->required();
    app.footer(
        "Removes a region that the daemon made, with what is in it, if nobody uses it.\n"
        "Example: ivshmemctl region remove shm0");
    return [arguments](Session& session) { return run_region(*arguments, session); };
}

}  // namespace ivshmemd::ctl
