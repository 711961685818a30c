#include "daemon/ctl/many.h"

#include <chrono>
#include <nlohmann/json.hpp>

#include "daemon/ctl/command.h"
#include "daemon/ctl/console.h"
#include "daemon/ctl/field.h"
#include "daemon/ctl/output.h"
#include "daemon/ctl/render.h"

namespace ivshmemd::ctl {
namespace {

// Of what the daemon does for several VMs, nothing is waited for longer than the guests are: to let
// devices go, and to let go again of what has to be taken back.
Wait wait_for_many(const json& request) {
    constexpr std::int64_t default_patience_ms = 30'000;
    const auto patience = as_int(find(request, "timeoutMs")).value_or(default_patience_ms);
    Wait wait;
    wait.changes_something = !flag_field(&request, "dryRun");
    wait.more = true;
    wait.deadline = 3 * std::chrono::milliseconds(patience) + 4 * reply_deadline;
    return wait;
}

void render_attached(const json& result, bool dry_run, const std::string& name, Console& console) {
    const json* device = find(result, "device");
    const std::string what = printable(text_field(device, "vm"));
    const bool changed = flag_field(&result, "changed");
    const std::string warning = text_field(&result, "warning");
    if (!warning.empty()) print_message("warning: " + warning, console);
    if (!dry_run) {
        console.out << (changed ? "attached " : "already attached ") << name << " to " << what
                    << ": " << device_summary(device) << '\n';
        return;
    }
    console.out << what << ": " << (changed ? "" : "nothing to do, already attached: ")
                << device_summary(device) << '\n';
    for (const json& command : list_field(result, "commands")) {
        print_json(command, JsonMode::short_, console);
    }
}

}  // namespace

bool split_vms(json& request) {
    const std::string all = text_field(&request, "vm");
    if (all.find(',') == std::string::npos) return false;
    json vms = json::array();
    for (std::size_t begin = 0; begin <= all.size();) {
        const std::size_t end = std::min(all.find(',', begin), all.size());
        vms.push_back(all.substr(begin, end - begin));
        begin = end + 1;
    }
    request.erase("vm");
    request["vms"] = std::move(vms);
    return true;
}

int run_attach_many(const json& request, Session& session) {
    const Answer answer =
        session.call("AttachMany", request, "attaching the devices", wait_for_many(request));
    return session.finish(answer, [&request](const json& reply, Console& console) {
        const bool dry_run = flag_field(&request, "dryRun");
        const std::string name = printable(text_field(&request, "name"));
        for (const json& each : list_field(reply, "results")) {
            render_attached(each, dry_run, name, console);
        }
    });
}

int run_detach_many(const json& request, Session& session) {
    const Answer answer =
        session.call("DetachMany", request, "detaching the devices", wait_for_many(request));
    bool pending = false;
    for (const json& each : list_field(*answer.parameters, "results")) {
        pending = pending || text_field(&each, "result") == "pending";
    }
    const int code = session.finish(answer, [](const json& reply, Console& console) {
        for (const json& each : list_field(reply, "results")) {
            console.out << printable(text_field(&each, "vm")) << ": "
                        << printable(text_field(&each, "result")) << '\n';
        }
    });
    const std::string kept = text_field(answer.parameters.get(), "regionKept");
    if (answer && !kept.empty()) print_message(kept, session.console());
    if (code != exit_ok || !pending) return code;
    print_message(
        "the devices that are pending stay 'detaching', and are removed when their "
        "guests let go or are reset; see 'ivshmemctl list'",
        session.console());
    return exit_pending;
}

}  // namespace ivshmemd::ctl
