#include "daemon/region/admission.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "daemon/region/acl.h"

namespace ivshmemd {
namespace {

std::optional<gid_t> group_of(int fd) {
    struct stat status {};
    return ::fstat(fd, &status) == 0 ? std::optional(status.st_gid) : std::nullopt;
}

// Where there are no ACLs there is one owner and one group.
Result<void> admit_by_mode(int fd, const std::string& path, std::optional<uid_t> user,
                           std::optional<gid_t> group) {
    constexpr auto as_it_is = static_cast<uid_t>(-1);
    if (group && (group_of(fd) == group || ::fchown(fd, as_it_is, *group) == 0)) return {};
    const bool may_give_away = !group && user && ::geteuid() == 0;
    if (may_give_away && ::fchown(fd, *user, static_cast<gid_t>(-1)) == 0) return {};
    const std::string whom =
        group ? "group " + std::to_string(*group) : "user " + std::to_string(*user);
    return Error(ErrorKind::region_unavailable,
                 "cannot let " + whom + " into region " + path +
                     ": its file system has no POSIX ACLs; set [region] group to a group that "
                     "the VM's user is a member of, and give the directory that group and the "
                     "set-group-ID bit (chmod g+s)");
}

}  // namespace

Result<void> admit(int fd, const std::string& path, std::optional<uid_t> user,
                   std::optional<gid_t> group) {
    const int granted = grant_access(fd, user, group);
    if (granted == EOPNOTSUPP) return admit_by_mode(fd, path, user, group);
    if (granted == 0) return {};
    return Error(ErrorKind::region_unavailable,
                 "cannot make region " + path + ": granting access: " + std::strerror(granted));
}

}  // namespace ivshmemd
