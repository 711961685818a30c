#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "lib/result.h"

namespace ivshmemd {

/// Memory that a driver of the host provides, such as KVMFR's: a device node. It is used as it is,
/// and never made, sized or removed.
struct RegionDevice {
    std::string path;
    std::optional<std::uint64_t> size = {};  // bytes; where the node itself does not tell

    bool operator==(const RegionDevice&) const = default;
};

/// Where regions are. "frames" is a file of the one directory, or a device of that name;
/// "big:frames" is a file of the directory that the configuration calls "big".
struct RegionPlaces {
    std::string directory;
    std::map<std::string, std::string> directories = {};  // by name
    std::map<std::string, RegionDevice> devices = {};     // by the region's name

    bool operator==(const RegionPlaces&) const = default;

    /// Whether there is such a place. InvalidParameter, naming those that there are.
    Result<void> check(const std::string& region) const;

    /// The directory of a region's file, and its path. In order: check() first.
    std::string directory_of(const std::string& region) const;
    std::string path_of(const std::string& region) const;

    /// The device that a path is, or null.
    const RegionDevice* device_at(const std::string& path) const;

    /// What the region at this path is called; nothing when it is no region's path.
    std::optional<std::string> region_at(const std::string& path) const;
};

}  // namespace ivshmemd
