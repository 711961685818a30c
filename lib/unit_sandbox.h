#pragma once

#include <string>
#include <vector>

#include "lib/place.h"

namespace ivshmemd {

/// What a systemd unit lets its service see and write, as far as places of regions depend on it.
/// Specifiers and InaccessiblePaths= are left out of account.
struct UnitSandbox {
    std::string user;  // empty: root
    std::string protect_system = "no";
    std::string protect_home = "no";
    std::string device_policy = "auto";
    bool private_tmp = false;
    bool private_devices = false;
    std::vector<std::string> writable;  // ReadWritePaths=
    std::vector<std::string> bound;     // BindPaths=: where they are for the service
    std::vector<std::string> devices;   // DeviceAllow= for reading and writing

    /// The errno that the service meets at this place, provided that the host has it; 0: none.
    int error_at(const Place& place) const;

  private:
    int error_at_device(const std::string& path) const;
    bool hides(const std::string& path) const;
};

}  // namespace ivshmemd
