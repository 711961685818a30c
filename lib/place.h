#pragma once

#include <string>
#include <vector>

#include "lib/region_places.h"

namespace ivshmemd {

/// One place of regions, and whether a daemon can use it.
struct Place {
    std::string name;  // as the configuration calls it; empty for the usual directory
    std::string path;
    bool is_device = false;  // memory of a driver; else a directory
    int error = 0;           // errno of making a file there, or of finding the device; 0: usable

    bool operator==(const Place&) const = default;
};

/// All of them, the usual directory first; `error` is yet to be filled in.
std::vector<Place> list_places(const RegionPlaces& places);

/// The lines that [Service] of a systemd unit lacks so that its service can use the place; none
/// where no such line would help.
std::vector<std::string> missing_unit_lines(const Place& place);

/// What is wrong with a place that cannot be used, and what to do; `user` runs the daemon, and `by`
/// cannot use it.
std::string fault_of_place(const Place& place, const std::string& by = "ivshmemd");
std::string mend_place(const Place& place, const std::string& user);

/// Whether the path is that directory or below it.
bool is_below(const std::string& path, const std::string& directory);

}  // namespace ivshmemd
