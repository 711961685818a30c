#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "daemon/ctl/session.h"
#include "lib/topology.h"

// Doorbell servers that a topology needs and that are not there. Whoever applies it may have
// systemd start them, with rights of his own: the daemon starts nothing.
namespace ivshmemd::ctl {

struct MissingServer {
    std::string socket;
    std::string instance;  // of ivshmem-doorbell@.service; empty where none would listen there
    std::optional<std::uint64_t> size{};
    std::optional<std::uint32_t> vectors{};
    bool started = false;

    std::string unit() const { return "ivshmem-doorbell@" + instance + ".service"; }
};

/// Those whose socket does not exist on this host, each once.
std::vector<MissingServer> missing_servers(const Topology& topology);

/// Has systemd start those that it has a unit for, and waits until they are ready. Says so of each;
/// one that does not start is left to the daemon, which misses it.
void start_servers(std::vector<MissingServer>& servers, Console& console);

/// Says which of them start_servers() would start.
void tell_servers(const std::vector<MissingServer>& servers, Console& console);

/// After a failure: which were started and go on, and how those that are missing are started.
void explain_servers(const std::vector<MissingServer>& servers, Console& console);

}  // namespace ivshmemd::ctl
