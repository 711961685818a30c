#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>

#include "daemon/ctl/command.h"
#include "daemon/ctl/field.h"
#include "daemon/ctl/topology_declared.h"
#include "daemon/ctl/topology_faults.h"
#include "daemon/ctl/topology_render.h"
#include "proto/api/topology_values.h"

namespace ivshmemd::ctl {
namespace {

struct TopologyArguments {
    bool dot = false;
    bool prune = false;
    std::string declared;  // a file
};

// The replies of several methods in one object.
Answer ask_topology(Session& session) {
    json all = json::object();
    for (const char* method : {"ListRegions", "ListDevices"}) {
        const Answer answer = session.call(method, json::object(), "listing what is shared");
        if (!answer) return answer;
        all.update(*answer.parameters);
    }
    return success(std::make_shared<const json>(std::move(all)));
}

int show_topology(bool dot, Session& session) {
    return session.finish(ask_topology(session), [dot](const json& reply, Console& console) {
        (dot ? render_dot : render_tree)(topology_of(reply, reply), console);
    });
}

int show_declared(const TopologyArguments& arguments, Session& session) {
    const Result<TopologyFile> file = read_topology_file(arguments.declared);
    if (!file) {
        return print_error(client_error(file.error()), session.json_mode(), session.console());
    }
    const api::ReadTopology declared = api::read_topology(*file->topology);
    if (!declared.faults.empty()) {
        const Answer faulty = faulty_file(declared.faults, arguments.declared);
        return print_faults(faulty, *file, arguments.declared, session);
    }
    const Answer vms = session.call("ListVms", json::object(), "listing VMs");
    if (!vms) return print_error(vms, session.json_mode(), session.console());
    const Answer there = ask_topology(session);
    if (!there) return print_error(there, session.json_mode(), session.console());
    const json& reply = *there.parameters;
    const std::vector<ComparedDevice> compared =
        compare_declared(declared.topology, *vms.parameters, reply, reply);
    const bool matches =
        is_as_declared(compared, arguments.prune ? Undescribed::go : Undescribed::stay);
    json all(reply);
    all["declared"] = spell_declared(compared);
    all["matches"] = matches;
    const Answer answer = success(std::make_shared<const json>(std::move(all)));
    session.finish(answer, [&](const json&, Console& console) {
        if (!arguments.dot) return render_declared(compared, console);
        std::vector<SharedMemory> drawn = topology_of(reply, reply);
        mark_declared(compared, drawn);
        render_dot(drawn, console);
    });
    return matches ? exit_ok : exit_failure;
}

int run_topology(const TopologyArguments& arguments, Session& session) {
    if (arguments.dot && session.json_mode() != JsonMode::off) {
        return print_error(usage_error("--dot and --json exclude each other; give one of them"),
                           session.json_mode(), session.console());
    }
    if (!arguments.declared.empty()) return show_declared(arguments, session);
    return show_topology(arguments.dot, session);
}

}  // namespace

Runner declare_topology(CLI::App& app) {
    const auto arguments = std::make_shared<TopologyArguments>();
    app.add_flag("--dot", arguments->dot, "Print a graph for Graphviz");
    CLI::Option* declared = app.add_option("--declared", arguments->declared,
                                           "Show what a topology declares beside what is there")
                                ->type_name("FILE");
    app.add_flag("--prune", arguments->prune, "What the file does not declare differs, too")
        ->needs(declared);
    app.footer(
        "With --json: the replies of ListRegions and ListDevices in one object.\n"
        "Exit status with --declared: 0 when all of it is in place, 1 when not.\n"
        "Example: ivshmemctl topology --dot | dot -Tsvg -o topology.svg");
    return [arguments](Session& session) { return run_topology(*arguments, session); };
}

}  // namespace ivshmemd::ctl
