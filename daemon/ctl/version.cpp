#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "daemon/ctl/command.h"
#include "daemon/ctl/console.h"
#include "daemon/ctl/field.h"

namespace ivshmemd::ctl {
namespace {

// A version is asked for when something is wrong: do not keep people waiting then.
constexpr std::chrono::milliseconds version_deadline{5'000};

void render_version(const Answer& info, Console& console) {
    console.out << "ivshmemctl " << IVSHMEMD_VERSION << '\n';
    if (info) {
        const json& daemon = *info.parameters;
        console.out << "daemon: "
                    << printable(text_field(&daemon, "product") + " " +
                                 text_field(&daemon, "version"))
                    << '\n';
    } else {
        console.out << "daemon: not reachable (" << printable(info.message) << ")\n";
    }
}

int run_version(Session& session) {
    Wait wait;
    wait.deadline = version_deadline;
    const Answer info = session.call_other("org.varlink.service.GetInfo", json::object(), wait);
    if (info.exit_code == exit_interrupted) {
        return print_error(info, session.json_mode(), session.console());
    }
    if (session.json_mode() == JsonMode::off) {
        render_version(info, session.console());
    } else {
        json versions{{"client", IVSHMEMD_VERSION}, {"daemon", nullptr}};
        if (info) versions["daemon"] = *info.parameters;
        print_json(versions, session.json_mode(), session.console());
    }
    return exit_ok;
}

}  // namespace

Runner declare_version(CLI::App& app) {
    app.footer("Example: ivshmemctl version");
    return run_version;
}

}  // namespace ivshmemd::ctl
