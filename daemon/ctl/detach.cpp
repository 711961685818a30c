#include <CLI/CLI.hpp>
#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>

#include "daemon/ctl/arguments.h"
#include "daemon/ctl/command.h"
#include "daemon/ctl/console.h"
#include "daemon/ctl/field.h"
#include "daemon/ctl/many.h"

namespace ivshmemd::ctl {
namespace {

constexpr std::int64_t default_timeout_ms = 30'000;  // the daemon's own default

void declare_options(CLI::App& app, json& request) {
    CLI::Option* name = add_device(app, request, "Name of the device", vms_help);
    add_text(app, "--qom-path", request, "qomPath", "Its QOM path instead; for foreign devices")
        ->type_name("PATH")
        ->excludes(name);
    CLI::Option* timeout =
        add_timeout(app, request, "How long to wait for the guest (default: 30)");
    app.add_flag_callback(
           "--no-wait", [&request] { request["timeoutMs"] = 0; },
           "Ask for the removal and do not wait for it")
        ->excludes(timeout);
    app.add_flag_callback(
        "--remove-region", [&request] { request["removeRegion"] = true; },
        "Also remove a region of ours nobody uses any more");
    app.footer(
        "Exits with 7 when the guest has not let go of the device yet.\n"
        "Example: ivshmemctl detach web shm0 --timeout 10");
}

void explain_pending(const json& request, Console& console) {
    print_message(
        "the guest has not let go of the device yet: it stays 'detaching', and is removed "
        "when the guest lets go or is reset; see 'ivshmemctl list " +
            text_field(&request, "vm") + "'",
        console);
}

void explain_kept(const json& reply, Console& console) {
    const std::string why = text_field(&reply, "regionKept");
    if (!why.empty()) print_message(why, console);
}

int run_detach(json& request, Session& session) {
    if (find(request, "qomPath") == nullptr && !split_device(request)) {
        return print_error(
            usage_error("NAME or --qom-path is required; see 'ivshmemctl detach --help'"),
            session.json_mode(), session.console());
    }
    const bool by_name = find(request, "qomPath") == nullptr;
    if (by_name && split_vms(request)) return run_detach_many(request, session);
    Wait wait;
    wait.changes_something = true;
    wait.more = true;
    const auto timeout = as_int(find(request, "timeoutMs")).value_or(default_timeout_ms);
    wait.deadline = std::chrono::milliseconds(timeout) + reply_deadline;
    const Answer answer = session.call("Detach", request, "detaching the device", wait);
    const int code = session.finish(answer, [](const json& reply, Console& console) {
        console.out << printable(text_field(&reply, "result")) << '\n';
    });
    if (answer) explain_kept(*answer.parameters, session.console());
    if (!answer || text_field(answer.parameters.get(), "result") != "pending") return code;
    explain_pending(request, session.console());
    return exit_pending;
}

}  // namespace

Runner declare_detach(CLI::App& app) {
    const auto request = std::make_shared<json>(json::object());
    declare_options(app, *request);
    return [request](Session& session) { return run_detach(*request, session); };
}

}  // namespace ivshmemd::ctl
