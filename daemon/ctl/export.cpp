#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "daemon/ctl/command.h"
#include "daemon/ctl/console.h"
#include "daemon/ctl/topology_export.h"
#include "daemon/ctl/topology_file.h"

namespace ivshmemd::ctl {
namespace {

int run_export(Session& session) {
    const Answer answer = session.call("ListDevices", json::object(), "listing devices");
    if (!answer) return print_error(answer, session.json_mode(), session.console());
    const Answer regions = session.call("ListRegions", json::object(), "listing regions");
    if (!regions) return print_error(regions, session.json_mode(), session.console());
    std::vector<std::string> left_out;
    const json topology = export_topology(*answer.parameters, *regions.parameters, left_out);
    for (const std::string& device : left_out) {
        print_message(device + " is left out: its VM is not connected, or its memory is unknown",
                      session.console());
    }
    if (session.json_mode() == JsonMode::off) {
        session.console().out << topology_as_toml(topology);
    } else {
        print_json(topology, session.json_mode(), session.console());
    }
    return exit_ok;
}

}  // namespace

Runner declare_export(CLI::App& app) {
    app.footer("Example: ivshmemctl export > topology.toml");
    return [](Session& session) { return run_export(session); };
}

}  // namespace ivshmemd::ctl
