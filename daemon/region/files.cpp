#include "daemon/region/files.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <cerrno>
#include <cstring>

#include "daemon/region/acl.h"
#include "daemon/region/admission.h"
#include "daemon/region/lease.h"
#include "daemon/region/reservation.h"
#include "lib/place.h"
#include "lib/shell_word.h"
#include "lib/size.h"

namespace ivshmemd {
namespace {

Error unavailable(const std::string& path, const char* what, int error) {
    return Error(ErrorKind::region_unavailable,
                 "cannot make region " + path + ": " + what + ": " + std::strerror(error));
}

Error unusable(const std::string& path, const std::string& directory, int error) {
    Error failure = unavailable(path, "open", error);
    for (const std::string& line : missing_unit_lines({"", directory, false, error})) {
        failure.message += "; a service needs " + line + " in its unit";
    }
    return failure;
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

// Huge pages are not divided.
Result<void> check_page_size(int fd, const std::string& path, std::uint64_t size) {
    struct statfs status {};
    if (::fstatfs(fd, &status) != 0 || status.f_type != HUGETLBFS_MAGIC) return {};
    const auto page = static_cast<std::uint64_t>(status.f_bsize);
    if (size >= page) return {};
    return Error(ErrorKind::bad_size, "region " + path + " cannot have " + format_size(size) +
                                          ": it is made of pages of " + format_size(page) +
                                          "; ask for at least that");
}

// As its owner can reserve it.
std::string by_hand(const std::string& path, std::uint64_t size) {
    return "; as its owner: fallocate -l " + std::to_string(size) + " " + shell_word(path);
}

UniqueFd open_to_write(const RegionFile& file) {
    return UniqueFd(::open(reopened(file.handle).c_str(), O_RDWR | O_CLOEXEC | O_NONBLOCK));
}

}  // namespace

RegionFacts RegionFiles::inspect(const std::string& path) {
    struct stat status {};
    if (::lstat(path.c_str(), &status) != 0) return {};
    return facts_of(status);
}

RegionFacts RegionFiles::inspect_target(const std::string& path) {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) return {};
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

bool RegionFiles::lets_in(uid_t qemu_user) const {
    return group_ || user_to_admit(qemu_user);
}

Result<UnnamedRegion> RegionFiles::reserve(const std::string& region, std::uint64_t size,
                                           uid_t qemu_user, mode_t mode) const {
    const std::string path = path_of(region);
    const Result<void> possible = check_made_mode(path, mode, lets_in(qemu_user));
    if (!possible) return possible.error();
    UniqueFd file(
        ::open(places_.directory_of(region).c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
    if (!file) return unusable(path, places_.directory_of(region), errno);
    const Result<void> fits = check_page_size(file.get(), path, size);
    if (!fits) return fits.error();
    const Result<void> reserved = reserve_in_place(file.get(), path, size, reserve_percent_);
    if (!reserved) return reserved.error();
    if (::fchmod(file.get(), mode) != 0) return unavailable(path, "fchmod", errno);
    const Result<void> admitted = admit(file.get(), path, user_to_admit(qemu_user), group_);
    if (!admitted) return admitted.error();
    struct stat status {};
    if (::fstat(file.get(), &status) != 0) return unavailable(path, "fstat", errno);
    return UnnamedRegion{std::move(file), identity_of(status)};
}

Result<RegionFiles::Naming> RegionFiles::publish(const UnnamedRegion& made,
                                                 const std::string& region) const {
    const std::string path = path_of(region);
    // Only if the name is free; without privileges /proc is the way.
    if (::linkat(AT_FDCWD, reopened(made.file).c_str(), AT_FDCWD, path.c_str(),
                 AT_SYMLINK_FOLLOW) == 0) {
        return Naming::named;
    }
    if (errno != EEXIST) return unavailable(path, "linkat", errno);
    return Naming::taken;
}

std::uint64_t RegionFiles::smallest_size(const std::string& region) const {
    struct statfs status {};
    const bool is_huge = ::statfs(places_.directory_of(region).c_str(), &status) == 0 &&
                         status.f_type == HUGETLBFS_MAGIC;
    return is_huge ? static_cast<std::uint64_t>(status.f_bsize) : min_region_size;
}

Result<RegionIdentity> RegionFiles::create(const std::string& region, std::uint64_t size,
                                           uid_t qemu_user) const {
    const Result<UnnamedRegion> made = reserve(region, size, qemu_user);
    if (!made) return made.error();
    const Result<Naming> named = publish(*made, region);
    if (!named) return named.error();
    if (*named == Naming::taken)
        return Error(ErrorKind::region_mismatch, path_of(region) + " is there already");
    return made->identity;
}

Result<void> RegionFiles::complete(const RegionFile& file, const std::string& path,
                                   std::uint64_t size) const {
    const UniqueFd open = open_to_write(file);
    if (open) return reserve_in_place(open.get(), path, size, reserve_percent_);
    const int error = errno;
    const std::uint64_t missing = missing_bytes(reservation_facts(file.handle.get(), size));
    if (missing == 0) return {};
    return Error(ErrorKind::region_unavailable,
                 format_size(missing) + " of region " + path +
                     " are not reserved, which would kill a guest that touches them when there is "
                     "no memory left; ivshmemd cannot reserve them: " +
                     std::strerror(error) + by_hand(path, size));
}

bool RegionFiles::is_whole(const RegionFile& file, std::uint64_t size) {
    return missing_bytes(reservation_facts(file.handle.get(), size)) == 0;
}

Result<void> RegionFiles::fill(const std::string& path, const RegionIdentity& file,
                               std::uint64_t size) const {
    const Openers openers = find_openers(path, file);
    if (openers == Openers::somebody || openers == Openers::untold) {
        const char* why = openers == Openers::somebody
                              ? " is empty, and some process has it open"
                              : " is empty, and whether some process has it open cannot be told";
        return Error(ErrorKind::region_unavailable,
                     path + why + ", so that it is not given a size now" + by_hand(path, size));
    }
    const RegionFile there = look(path);
    if (openers == Openers::not_there || there.identity != file) {
        return Error(ErrorKind::region_mismatch, path + " was replaced meanwhile; try again");
    }
    return complete(there, path, size);
}

void RegionFiles::grant(const RegionFile& file, uid_t qemu_user) const {
    const std::optional<uid_t> user = user_to_admit(qemu_user);
    if (!user || !file.handle || !S_ISREG(file.facts.mode)) return;
    const UniqueFd open = open_to_write(file);
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
