#include <CLI/CLI.hpp>
#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>

#include "daemon/ctl/arguments.h"
#include "daemon/ctl/command.h"
#include "daemon/ctl/console.h"
#include "daemon/ctl/doorbell_units.h"
#include "daemon/ctl/field.h"
#include "daemon/ctl/render.h"
#include "daemon/ctl/table.h"
#include "daemon/ctl/topology_faults.h"
#include "proto/api/topology_values.h"

namespace ivshmemd::ctl {
namespace {

// Many devices of many VMs may take their time; Ctrl-C ends the wait.
constexpr std::chrono::hours longest_apply{24};

struct ApplyArguments {
    json request = json::object();
    std::string file;
};

void render_changes(const json& reply, bool dry_run, Console& console) {
    std::size_t kept = 0;
    Table table({"VM", "DEVICE", dry_run ? "WOULD" : "DID", "BECAUSE", "BECOMES"});
    for (const json& each : list_field(reply, "changes")) {
        const std::string action = text_field(&each, "action");
        if (action == "keep") ++kept;
        if (action == "keep") continue;
        const json* becomes = find(each, "becomes");
        const std::string reason = text_field(&each, "reason");
        table.add({{text_field(&each, "vm")},
                   {text_field(&each, "device")},
                   {action},
                   {reason.empty() ? "" : "it had " + reason},
                   {becomes != nullptr ? device_summary(becomes) : ""}});
    }
    if (flag_field(&reply, "changed")) table.print(console);
    if (flag_field(&reply, "changed") && kept == 0) return;
    console.out << kept << (kept == 1 ? " device is" : " devices are") << " as described\n";
}

// Nothing is begun for a file that is wrong, and on another host nothing is started from here.
std::vector<MissingServer> provide_servers(const json& request, Session& session) {
    const api::ReadTopology read = api::read_topology(request["topology"]);
    if (!read.faults.empty() || !session.address().host.empty()) return {};
    std::vector<MissingServer> servers = missing_servers(read.topology);
    if (!flag_field(&request, "dryRun")) {
        start_servers(servers, session.console());
        return servers;
    }
    tell_servers(servers, session.console());
    std::erase_if(servers, [](const MissingServer& each) { return !each.instance.empty(); });
    return servers;
}

int run_apply(const ApplyArguments& arguments, Session& session) {
    const Result<TopologyFile> file = read_topology_file(arguments.file);
    if (!file) {
        return print_error(client_error(file.error()), session.json_mode(), session.console());
    }
    json request(arguments.request);
    request["topology"] = *file->topology;
    std::vector<MissingServer> servers = provide_servers(request, session);
    Wait wait;
    wait.changes_something = !flag_field(&request, "dryRun");
    wait.more = true;
    wait.deadline = longest_apply;
    const Answer answer = session.call("Apply", request, "applying " + arguments.file, wait);
    if (!answer) {
        const int code = print_faults(answer, *file, arguments.file, session);
        explain_servers(servers, session.console());
        return code;
    }
    return session.finish(answer, [&request](const json& reply, Console& console) {
        render_changes(reply, flag_field(&request, "dryRun"), console);
    });
}

}  // namespace

Runner declare_apply(CLI::App& app) {
    const auto arguments = std::make_shared<ApplyArguments>();
    json& request = arguments->request;
    app.add_option("FILE", arguments->file, "Topology, TOML or JSON; - for standard input")
        ->required();
    app.add_flag_callback(
        "--prune", [&request] { request["prune"] = true; },
        "Also detach what the file does not describe");
    app.add_flag_callback(
        "--dry-run", [&request] { request["dryRun"] = true; },
        "Change nothing; print what would change");
    add_timeout(app, request, "How long to wait for guests (default: 30)");
    app.footer("Example: ivshmemctl apply topology.toml --dry-run");
    return [arguments](Session& session) { return run_apply(*arguments, session); };
}

}  // namespace ivshmemd::ctl
