#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>

#include "daemon/ctl/command.h"
#include "daemon/ctl/field.h"
#include "daemon/ctl/topology_render.h"

namespace ivshmemd::ctl {
namespace {

// Both replies in one object.
json merged(const Answer& regions, const Answer& devices) {
    json both(*regions.parameters);
    both["devices"] = list_field(*devices.parameters, "devices");
    return both;
}

int run_topology(bool dot, Session& session) {
    if (dot && session.json_mode() != JsonMode::off) {
        return print_error(usage_error("--dot and --json exclude each other; give one of them"),
                           session.json_mode(), session.console());
    }
    const Answer regions = session.call("ListRegions", json::object(), "listing regions");
    if (!regions) return print_error(regions, session.json_mode(), session.console());
    const Answer devices = session.call("ListDevices", json::object(), "listing devices");
    if (!devices) return print_error(devices, session.json_mode(), session.console());
    const Answer both = success(std::make_shared<const json>(merged(regions, devices)));
    return session.finish(both, [dot](const json& reply, Console& console) {
        (dot ? render_dot : render_tree)(topology_of(reply, reply), console);
    });
}

}  // namespace

Runner declare_topology(CLI::App& app) {
    const auto dot = std::make_shared<bool>(false);
    app.add_flag("--dot", *dot, "Print a graph for Graphviz");
    app.footer(
        "With --json: the replies of ListRegions and ListDevices in one object.\n"
        "Example: ivshmemctl topology --dot | dot -Tsvg -o topology.svg");
    return [dot](Session& session) { return run_topology(*dot, session); };
}

}  // namespace ivshmemd::ctl
