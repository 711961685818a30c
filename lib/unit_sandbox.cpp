#include "lib/unit_sandbox.h"

#include <algorithm>
#include <cerrno>
#include <initializer_list>

namespace ivshmemd {
namespace {

using Words = std::vector<std::string>;

// What PrivateDevices= leaves of /dev, beside nodes such as /dev/null.
const Words left_of_dev{"/dev/hugepages", "/dev/mqueue", "/dev/pts", "/dev/shm"};
const Words homes{"/home", "/root", "/run/user"};
const Words temporary{"/tmp", "/var/tmp"};
// What ProtectSystem= never touches.
const Words kernels_own{"/dev", "/proc", "/sys"};

bool is_below_one(const std::string& path, const Words& directories) {
    return std::any_of(directories.begin(), directories.end(),
                       [&](const std::string& each) { return is_below(path, each); });
}

bool is_true(const std::string& value) {
    return value == "yes" || value == "true" || value == "on" || value == "1";
}

std::string trimmed(std::string_view text) {
    constexpr const char* blank = " \t\r";
    const std::size_t begin = text.find_first_not_of(blank);
    if (begin == std::string_view::npos) return "";
    return std::string(text.substr(begin, text.find_last_not_of(blank) + 1 - begin));
}

Words split(const std::string& text) {
    Words words;
    std::string word;
    bool quoted = false;
    for (const char each : text + " ") {
        if (each == '"') {
            quoted = !quoted;
        } else if (!quoted && (each == ' ' || each == '\t')) {
            if (!word.empty()) words.push_back(word);
            word.clear();
        } else {
            word += each;
        }
    }
    return words;
}

std::string without_flags(std::string path) {
    return path.substr(std::min(path.find_first_not_of("-+"), path.size()));
}

std::string without_specifiers(std::string path) {
    for (std::size_t at = 0; (at = path.find("%%", at)) != std::string::npos; ++at) {
        path.erase(at, 1);
    }
    return path;
}

// Of "SOURCE:TARGET:OPTIONS".
std::string bind_target(const std::string& word) {
    const std::size_t colon = word.find(':');
    if (colon == std::string::npos) return word;
    return word.substr(colon + 1, word.find(':', colon + 1) - colon - 1);
}

// An empty value takes back what came before.
void add_paths(Words& paths, const std::string& value, bool binds) {
    if (value.empty()) paths.clear();
    for (const std::string& word : split(value)) {
        const std::string path = without_specifiers(without_flags(word));
        paths.push_back(binds ? bind_target(path) : path);
    }
}

void add_device(Words& devices, const std::string& value) {
    const Words words = split(value);
    if (words.empty()) return devices.clear();
    const std::string access = words.size() > 1 ? words[1] : "rwm";
    const bool is_whole =
        access.find('r') != std::string::npos && access.find('w') != std::string::npos;
    if (is_whole) devices.push_back(words[0]);
}

}  // namespace

void UnitSandbox::set(std::string_view key, const std::string& value) {
    if (key == "User") user = value;
    if (key == "ProtectSystem") protect_system = is_true(value) ? "yes" : value;
    if (key == "ProtectHome") protect_home = is_true(value) ? "yes" : value;
    if (key == "DevicePolicy") device_policy = value;
    if (key == "PrivateTmp") private_tmp = is_true(value);
    if (key == "PrivateDevices") private_devices = is_true(value);
    if (key == "ReadWritePaths") add_paths(writable, value, false);
    if (key == "BindPaths") add_paths(bound, value, true);
    if (key == "DeviceAllow") add_device(devices, value);
}

void UnitSandbox::add(std::string_view text) {
    bool in_service = false;
    std::string entry;
    for (std::size_t begin = 0; begin < text.size();) {
        const std::size_t end = std::min(text.find('\n', begin), text.size());
        const std::string line = trimmed(text.substr(begin, end - begin));
        begin = end + 1;
        if (line.starts_with('#') || line.starts_with(';')) continue;
        if (line.ends_with('\\')) {
            entry += line.substr(0, line.size() - 1) + " ";
            continue;
        }
        entry += line;
        const std::size_t equals = entry.find('=');
        if (entry.starts_with('[')) {
            in_service = entry == "[Service]";
        } else if (in_service && equals != std::string::npos) {
            set(trimmed(entry.substr(0, equals)), trimmed(entry.substr(equals + 1)));
        }
        entry.clear();
    }
}

bool UnitSandbox::hides(const std::string& path) const {
    if (is_below_one(path, bound)) return false;
    if (private_devices && is_below(path, "/dev") && !is_below_one(path, left_of_dev)) return true;
    if (private_tmp && is_below_one(path, temporary)) return true;
    const bool without_homes = protect_home == "yes" || protect_home == "tmpfs";
    return without_homes && is_below_one(path, homes);
}

// A class such as "char-misc" may hold it: only the kernel knows.
int UnitSandbox::error_at_device(const std::string& path) const {
    if (hides(path)) return ENOENT;
    const bool is_open = device_policy == "auto" && !private_devices && devices.empty();
    const bool is_named = std::any_of(devices.begin(), devices.end(), [&](const std::string& each) {
        return each == path || each.starts_with("char-");
    });
    return is_open || is_named ? 0 : EPERM;
}

int UnitSandbox::error_at(const Place& place) const {
    const std::string& path = place.path;
    if (place.is_device) return error_at_device(path);
    if (hides(path)) return ENOENT;
    if (is_below_one(path, bound) || is_below_one(path, writable)) return 0;
    if (is_below_one(path, homes)) return protect_home == "read-only" ? EROFS : 0;
    if (is_below_one(path, kernels_own)) return 0;
    if (protect_system == "strict") return EROFS;
    const bool is_system = is_below_one(path, {"/usr", "/boot", "/efi"}) ||
                           (protect_system == "full" && is_below(path, "/etc"));
    return is_system && protect_system != "no" ? EROFS : 0;
}

}  // namespace ivshmemd
