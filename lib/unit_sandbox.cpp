#include "lib/unit_sandbox.h"

#include <algorithm>
#include <cerrno>

namespace ivshmemd {
namespace {

using Words = std::vector<std::string>;

// What PrivateDevices= leaves of /dev, beside nodes such as /dev/null.
const Words left_of_dev{"/dev/hugepages", "/dev/mqueue", "/dev/pts", "/dev/shm"};
const Words homes{"/home", "/root", "/run/user"};
const Words temporary{"/tmp", "/var/tmp"};
// What ProtectSystem= never touches.
const Words kernels_own{"/dev", "/proc", "/sys"};
const Words system_directories{"/usr", "/boot", "/efi"};

bool is_below_one(const std::string& path, const Words& directories) {
    return std::any_of(directories.begin(), directories.end(),
                       [&](const std::string& each) { return is_below(path, each); });
}

}  // namespace

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
    const bool is_system = is_below_one(path, system_directories) ||
                           (protect_system == "full" && is_below(path, "/etc"));
    return is_system && protect_system != "no" ? EROFS : 0;
}

}  // namespace ivshmemd
