#include "daemon/region/unlink.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "daemon/region/lease.h"

namespace ivshmemd {
namespace {

using Kind = Unlinking::Kind;

bool is_region(const struct stat& status, const RegionIdentity& file) {
    return S_ISREG(status.st_mode) && RegionIdentity{status.st_dev, status.st_ino} == file;
}

Unlinking refused(int error) {
    if (says_in_use(error)) return {Kind::in_use};
    return {Kind::untold, error};
}

// The name may have gone to another file since it was opened.
bool still_named(const std::string& path, const RegionIdentity& file) {
    struct stat status {};
    return ::lstat(path.c_str(), &status) == 0 && is_region(status, file);
}

}  // namespace

Unlinking unlink_unused(const std::string& path, const RegionIdentity& file) {
    UniqueFd opened;
    const int error = open_to_lease(path, file, opened);
    if (error == ENOENT) return {Kind::not_there};
    if (error != 0) return refused(error);
    const WriteLease lease(opened.get());
    if (lease.error() != 0) return refused(lease.error());
    if (!lease.unbroken()) return {Kind::in_use};
    if (!still_named(path, file)) return {Kind::not_there};
    if (::unlink(path.c_str()) != 0) return {Kind::untold, errno};
    return {lease.unbroken() ? Kind::done : Kind::joined};
}

}  // namespace ivshmemd
