#include "lib/region_places.h"

#include "lib/names.h"

namespace ivshmemd {
namespace {

constexpr char separator = ':';

// "big" of "big:frames"; empty of "frames".
std::string place_in(const std::string& region) {
    const std::size_t at = region.find(separator);
    return at == std::string::npos ? "" : region.substr(0, at);
}

std::string file_in(const std::string& region) {
    return region.substr(region.find(separator) + 1);
}

// The name of a file directly in this directory.
std::optional<std::string> name_below(const std::string& directory, const std::string& path) {
    const std::string below = directory + "/";
    if (!path.starts_with(below)) return std::nullopt;
    std::string name = path.substr(below.size());
    if (name.find(separator) != std::string::npos || !check_region_name(name)) return std::nullopt;
    return name;
}

}  // namespace

Result<void> RegionPlaces::check(const std::string& region) const {
    const std::string place = place_in(region);
    if (place.empty() || directories.contains(place)) return {};
    std::string known;
    for (const auto& [name, path] : directories) known += (known.empty() ? "" : ", ") + name;
    return Error(ErrorKind::invalid_parameter,
                 "there is no region directory '" + printable(place, 80) + "'; " +
                     (known.empty() ? "the configuration names none" : "there are " + known),
                 {{"parameter", std::string("region")}});
}

std::string RegionPlaces::directory_of(const std::string& region) const {
    const auto found = directories.find(place_in(region));
    return found == directories.end() ? directory : found->second;
}

std::string RegionPlaces::path_of(const std::string& region) const {
    const auto device = devices.find(region);
    if (device != devices.end()) return device->second.path;
    return directory_of(region) + "/" + file_in(region);
}

const RegionDevice* RegionPlaces::device_at(const std::string& path) const {
    for (const auto& [name, device] : devices) {
        if (device.path == path) return &device;
    }
    return nullptr;
}

std::optional<std::string> RegionPlaces::region_at(const std::string& path) const {
    for (const auto& [name, device] : devices) {
        if (device.path == path) return name;
    }
    for (const auto& [name, path_of_it] : directories) {
        if (const auto file = name_below(path_of_it, path)) return name + separator + *file;
    }
    return name_below(directory, path);
}

}  // namespace ivshmemd
