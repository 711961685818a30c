#include "lib/place.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <initializer_list>

#include "lib/shell_word.h"

namespace ivshmemd {
namespace {

bool is_below_any(const std::string& path, std::initializer_list<const char*> directories) {
    return std::any_of(directories.begin(), directories.end(),
                       [&](const char* each) { return is_below(path, each); });
}

// A path in a list of systemd's.
std::string unit_word(const std::string& path) {
    std::string word;
    for (const char each : path) word += each == '%' ? "%%" : std::string(1, each);
    return word.find_first_of(" \t") == std::string::npos ? word : '"' + word + '"';
}

std::vector<std::string> lines_for_device(const Place& place) {
    const std::string allow = "DeviceAllow=" + unit_word(place.path) + " rw";
    if (place.error == EPERM) return {allow};
    const bool is_hidden = place.error == ENOENT && is_below(place.path, "/dev");
    if (is_hidden) return {"PrivateDevices=no", allow};
    return {};
}

// What a service cannot see of the host looks missing to it, or closed.
std::vector<std::string> lines_for_hidden(const std::string& path) {
    const std::string bind = "BindPaths=" + unit_word(path);
    if (is_below_any(path, {"/home", "/root", "/run/user"})) return {"ProtectHome=tmpfs", bind};
    if (is_below_any(path, {"/dev", "/tmp", "/var/tmp"})) return {bind};
    return {};
}

std::string without_a_unit(const Place& place, const std::string& user) {
    const std::string word = shell_word(place.path);
    if (place.error == EROFS) return "";
    if (place.is_device) return place.error == EPERM ? "" : "load the driver that provides it";
    if (place.error == ENOENT) {
        return "make it where it is missing: install -d -o " + user + " " + word;
    }
    if (place.error == EACCES) {
        return "let the user " + user + " write to it (ls -ld " + word + ")";
    }
    return "correct its path in the configuration";
}

}  // namespace

bool is_below(const std::string& path, const std::string& directory) {
    return path == directory || directory == "/" || path.starts_with(directory + "/");
}

std::vector<Place> list_places(const RegionPlaces& places) {
    std::vector<Place> all{{"", places.directory}};
    for (const auto& [name, directory] : places.directories) all.push_back({name, directory});
    for (const auto& [name, device] : places.devices) all.push_back({name, device.path, true});
    return all;
}

std::vector<std::string> missing_unit_lines(const Place& place) {
    if (place.is_device) return lines_for_device(place);
    if (place.error == EROFS) return {"ReadWritePaths=" + unit_word(place.path)};
    if (place.error == ENOENT || place.error == EACCES) return lines_for_hidden(place.path);
    return {};
}

std::string fault_of_place(const Place& place, const std::string& by) {
    std::string text = place.is_device ? "the memory of a driver, " : "the region directory ";
    text += place.path;
    if (!place.name.empty()) text += " (" + place.name + ")";
    return text + ", cannot be used by " + by + ": " + std::strerror(place.error);
}

std::string mend_place(const Place& place, const std::string& user) {
    std::string text = without_a_unit(place, user);
    const std::vector<std::string> lines = missing_unit_lines(place);
    if (lines.empty()) return text.empty() ? "mount it writable" : text;
    text += text.empty() ? "" : "; ";
    text +=
        "where the unit of a service is in the way, put into [Service] of a drop-in "
        "(systemctl edit ivshmemd): ";
    for (const std::string& line : lines) text += line + (&line == &lines.back() ? "" : " and ");
    return text + "; then systemctl restart ivshmemd";
}

}  // namespace ivshmemd
