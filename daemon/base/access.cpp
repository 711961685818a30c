#include "daemon/base/access.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace ivshmemd {
namespace {

// QEMU opens it, not this process: what its mode says is another's affair, but not what the kernel
// refuses to all of a unit.
int error_at_device(const std::string& path) {
    if (::access(path.c_str(), F_OK) != 0) return errno;
    if (::access(path.c_str(), R_OK | W_OK) == 0) return 0;
    return errno == EPERM ? EPERM : 0;
}

}  // namespace

int error_at(const Place& place) {
    if (place.is_device) return error_at_device(place.path);
    struct stat status {};
    if (::stat(place.path.c_str(), &status) != 0) return errno;
    if (!S_ISDIR(status.st_mode)) return ENOTDIR;
    return ::access(place.path.c_str(), W_OK | X_OK) == 0 ? 0 : errno;
}

std::vector<Place> look_at_places(const RegionPlaces& places) {
    std::vector<Place> all = list_places(places);
    for (Place& place : all) place.error = error_at(place);
    return all;
}

}  // namespace ivshmemd
