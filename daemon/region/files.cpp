#include "daemon/region/files.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>

#include "daemon/region/acl.h"

namespace ivshmemd {
namespace {

Error unavailable(const std::string& path, const char* what, int error) {
    return Error(ErrorKind::region_unavailable,
                 "cannot make region " + path + ": " + what + ": " + std::strerror(error));
}

// Root reaches every file, and the owner his own.
std::optional<uid_t> user_to_admit(uid_t qemu_user) {
    if (qemu_user == 0 || qemu_user == ::geteuid()) return std::nullopt;
    return qemu_user;
}

RegionIdentity identity_of(const struct stat& status) {
    return {status.st_dev, status.st_ino};
}

RegionFacts facts_of(const struct stat& status) {
    return {true, status.st_mode, status.st_uid, static_cast<std::uint64_t>(status.st_size)};
}

std::string reopened(const UniqueFd& handle) {
    return "/proc/self/fd/" + std::to_string(handle.get());
}

}  // namespace

RegionFacts RegionFiles::inspect(const std::string& path) {
    struct stat status {};
    if (::lstat(path.c_str(), &status) != 0) return {};
    return facts_of(status);
}

RegionFile RegionFiles::look(const std::string& path) {
    UniqueFd handle(::open(path.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    struct stat status {};
    if (!handle || ::fstat(handle.get(), &status) != 0) return {};
    return {std::move(handle), facts_of(status), identity_of(status)};
}

std::optional<RegionIdentity> RegionFiles::identity(const std::string& path) {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) return std::nullopt;
    return identity_of(status);
}

Result<UnnamedRegion> RegionFiles::reserve(const std::string& region, std::uint64_t size,
                                           uid_t qemu_user) const {
    const std::string path = path_of(region);
    UniqueFd file(::open(directory_.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
    if (!file) return unavailable(path, "open", errno);
    const int reserved = ::posix_fallocate(file.get(), 0, static_cast<off_t>(size));
    if (reserved != 0) return unavailable(path, "reserving its memory", reserved);
    if (::fchmod(file.get(), region_mode) != 0) return unavailable(path, "fchmod", errno);
    const int granted = grant_access(file.get(), user_to_admit(qemu_user), group_);
    if (granted != 0) return unavailable(path, "granting access", granted);
    struct stat status {};
    if (::fstat(file.get(), &status) != 0) return unavailable(path, "fstat", errno);
    return UnnamedRegion{std::move(file), identity_of(status)};
}

Result<void> RegionFiles::publish(const UnnamedRegion& made, const std::string& region) const {
    const std::string path = path_of(region);
    // Only if the name is free; without privileges /proc is the way.
    if (::linkat(AT_FDCWD, reopened(made.file).c_str(), AT_FDCWD, path.c_str(),
                 AT_SYMLINK_FOLLOW) == 0) {
        return {};
    }
    if (errno != EEXIST) return unavailable(path, "linkat", errno);
    return Error(ErrorKind::region_mismatch, path + " appeared meanwhile; try again");
}

Result<RegionIdentity> RegionFiles::create(const std::string& region, std::uint64_t size,
                                           uid_t qemu_user) const {
    const Result<UnnamedRegion> made = reserve(region, size, qemu_user);
    if (!made) return made.error();
    const Result<void> named = publish(*made, region);
    if (!named) return named.error();
    return made->identity;
}

void RegionFiles::grant(const RegionFile& file, uid_t qemu_user) const {
    const std::optional<uid_t> user = user_to_admit(qemu_user);
    if (!user || !file.handle || !S_ISREG(file.facts.mode)) return;
    const UniqueFd open(::open(reopened(file.handle).c_str(), O_RDWR | O_CLOEXEC | O_NONBLOCK));
    if (open) grant_access(open.get(), user, std::nullopt);
}

bool RegionFiles::admits(const std::string& path, uid_t user) {
    struct stat status {};
    if (user == 0) return true;
    if (::stat(path.c_str(), &status) != 0) return false;
    constexpr mode_t read_write = S_IROTH | S_IWOTH;
    const mode_t mode = user == status.st_uid ? status.st_mode >> 6 : status.st_mode;
    return (mode & read_write) == read_write || acl_admits(path, user);
}

}  // namespace ivshmemd
