#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "lib/declared_devices.h"
#include "lib/region_places.h"
#include "lib/reservation.h"
#include "lib/result.h"
#include "lib/size.h"

namespace ivshmemd {

/// One VM the daemon looks after.
struct VmConfig {
    std::string name;
    std::string qmp_socket;     // absolute path
    std::optional<uid_t> user;  // whom its QEMU runs as; else whoever listens on the socket

    bool operator==(const VmConfig&) const = default;
};

/// Everything configurable, from the file and the command line; the latter wins.
struct Config {
    std::string socket = "/run/ivshmemd/ivshmemd.sock";
    std::string region_dir = "/dev/shm";
    std::map<std::string, std::string> region_dirs;      // further ones, by name
    std::map<std::string, RegionDevice> region_devices;  // by the region's name
    std::string state_dir = "/var/lib/ivshmemd";
    std::string log_level = "info";
    std::vector<VmConfig> vms;
    Declarations declarations;               // devices that these VMs are to have
    std::vector<std::string> vm_dirs;        // each with the sockets of VMs
    std::optional<gid_t> socket_group;       // of the API's socket
    std::optional<std::string> read_socket;  // a second one, which changes nothing
    std::optional<gid_t> read_group;         // of that
    std::optional<gid_t> region_group;       // may map every region
    std::set<uid_t> trusted_users;
    std::uint64_t region_size_limit = default_region_size_limit;  // bytes
    unsigned reserve_percent = default_reserve_percent;           // see check_reservation()
    unsigned connections_per_user = 128;
    std::vector<std::string> warnings;  // for the log, once it is open
    bool check_only = false;

    RegionPlaces places() const { return {region_dir, region_dirs, region_devices}; }
};

/// Reads the command line and the file it names. A message for people; exits for --help.
Result<Config> read_config(int argc, const char* const* argv);

}  // namespace ivshmemd
