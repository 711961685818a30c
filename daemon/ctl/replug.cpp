#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "daemon/ctl/command.h"
#include "daemon/ctl/console.h"
#include "daemon/ctl/field.h"
#include "daemon/ctl/plan_file.h"
#include "daemon/ctl/render.h"

namespace ivshmemd::ctl {
namespace {

// Each device may take as long as an attach, after the VM was waited for.
constexpr std::chrono::minutes longest_replug{30};

struct ReplugArguments {
    std::string vm;
    std::optional<std::string> plan;
    bool forget = false;
};

void render_replugged(const json& reply, const std::string& vm, Console& console) {
    const json* devices = as_array(find(reply, "devices"));
    if (!devices || devices->empty()) {
        print_message("nothing to plug in to " + vm, console);
        return;
    }
    for (const json& device : *devices) {
        console.out << "attached " << printable(text_field(&device, "name")) << " to "
                    << printable(vm) << ": " << device_summary(&device) << '\n';
    }
}

void render_forgotten(const json& reply, const std::string& vm, Console& console) {
    const json& devices = list_field(reply, "forgotten");
    if (devices.empty()) {
        print_message("nothing is out of " + vm + " that would come back", console);
        return;
    }
    for (const json& device : devices) {
        console.out << "gave up " << printable(text_field(&device, "name")) << " of "
                    << printable(vm) << ": " << device_summary(&device) << '\n';
    }
}

int forget_plans(const ReplugArguments& arguments, Session& session) {
    Wait wait;
    wait.changes_something = true;
    const Answer answer = session.call("Forget", {{"vm", arguments.vm}},
                                       "giving up what is out of " + arguments.vm, wait);
    return session.finish(answer, [&](const json& reply, Console& console) {
        render_forgotten(reply, arguments.vm, console);
    });
}

int run_replug(const ReplugArguments& arguments, Session& session) {
    if (arguments.forget) return forget_plans(arguments, session);
    json request = {{"vm", arguments.vm}};
    if (arguments.plan) {
        const Result<json> devices = read_plan(*arguments.plan);
        if (!devices) {
            return print_error(client_error(devices.error()), session.json_mode(),
                               session.console());
        }
        request["devices"] = *devices;
    }
    Wait wait;
    wait.changes_something = true;
    wait.deadline = longest_replug;
    const Answer answer =
        session.call("Replug", request, "plugging devices in to " + arguments.vm, wait);
    return session.finish(answer, [&](const json& reply, Console& console) {
        render_replugged(reply, arguments.vm, console);
    });
}

}  // namespace

Runner declare_replug(CLI::App& app) {
    const auto arguments = std::make_shared<ReplugArguments>();
    app.add_option("VM", arguments->vm, "Name of the VM")->required();
    CLI::Option* plan = app.add_option("--plan", arguments->plan,
                                       "What 'migrate --plan' wrote; - for standard input")
                            ->type_name("FILE");
    app.add_flag("--forget", arguments->forget,
                 "Plug in nothing, and give up what this daemon remembers")
        ->excludes(plan);
    app.footer(R"(Without --plan, what this daemon remembers of a migration, of without-peers, or
of a change of several VMs that failed; see 'ivshmemctl list'.
Example: ivshmemctl replug web --plan web.plan)");
    return [arguments](Session& session) { return run_replug(*arguments, session); };
}

}  // namespace ivshmemd::ctl
