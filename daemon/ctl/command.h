#pragma once

#include <functional>
#include <span>

#include "daemon/ctl/session.h"

namespace CLI {
class App;
}

namespace ivshmemd::ctl {

/// Runs a command whose arguments were parsed; returns the exit code.
using Runner = std::function<int(Session&)>;

/// One command of the program. Each has a file of its own, and a row in commands().
struct Command {
    const char* name;
    const char* summary;  // one line of the top-level help
    /// Declares the command's arguments on `app`. The runner is called after parsing, if this was
    /// the command given; it shares ownership of what the arguments were parsed into.
    Runner (*declare)(CLI::App& app);
};

/// All commands, in the order of the help.
std::span<const Command> commands();

Runner declare_vms(CLI::App& app);
Runner declare_probe(CLI::App& app);
Runner declare_attach(CLI::App& app);
Runner declare_detach(CLI::App& app);
Runner declare_list(CLI::App& app);
Runner declare_show(CLI::App& app);
Runner declare_regions(CLI::App& app);
Runner declare_region(CLI::App& app);
Runner declare_events(CLI::App& app);
Runner declare_ring(CLI::App& app);
Runner declare_doctor(CLI::App& app);
Runner declare_topology(CLI::App& app);
Runner declare_apply(CLI::App& app);
Runner declare_export(CLI::App& app);
Runner declare_can_migrate(CLI::App& app);
Runner declare_migrate(CLI::App& app);
Runner declare_replug(CLI::App& app);
Runner declare_without_peers(CLI::App& app);
Runner declare_qemu_args(CLI::App& app);
Runner declare_libvirt_xml(CLI::App& app);
Runner declare_bridge(CLI::App& app);
Runner declare_help(CLI::App& app);
Runner declare_version(CLI::App& app);

}  // namespace ivshmemd::ctl
