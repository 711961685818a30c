#include "daemon/region/lease.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <csignal>

namespace ivshmemd {
namespace {

bool survives_broken_leases() {
    struct sigaction action {};
    return ::sigaction(SIGIO, nullptr, &action) == 0 && action.sa_handler != SIG_DFL;
}

}  // namespace

void ignore_broken_leases() {
    std::signal(SIGIO, SIG_IGN);
}

WriteLease::WriteLease(int fd) : fd_(fd) {
    if (!survives_broken_leases()) {
        error_ = ENOTSUP;
    } else if (::fcntl(fd_, F_SETLEASE, F_WRLCK) != 0) {
        error_ = errno;
    }
}

WriteLease::~WriteLease() {
    if (error_ == 0) ::fcntl(fd_, F_SETLEASE, F_UNLCK);
}

bool WriteLease::unbroken() const {
    return ::fcntl(fd_, F_GETLEASE) == F_WRLCK;
}

bool says_in_use(int error) {
    return error == EAGAIN || error == EWOULDBLOCK;
}

// The handle is closed again: older kernels count it as a user.
int open_to_lease(const std::string& path, const RegionIdentity& file, UniqueFd& opened) {
    const UniqueFd handle(::open(path.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    struct stat status {};
    if (!handle || ::fstat(handle.get(), &status) != 0) return errno;
    const bool is_it =
        S_ISREG(status.st_mode) && RegionIdentity{status.st_dev, status.st_ino} == file;
    if (!is_it) return ENOENT;
    const std::string same = "/proc/self/fd/" + std::to_string(handle.get());
    opened.reset(::open(same.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    return opened ? 0 : errno;
}

Openers find_openers(const std::string& path, const RegionIdentity& file) {
    UniqueFd opened;
    const int error = open_to_lease(path, file, opened);
    if (error == ENOENT) return Openers::not_there;
    if (error != 0) return says_in_use(error) ? Openers::somebody : Openers::untold;
    const WriteLease lease(opened.get());
    if (lease.error() == 0) return lease.unbroken() ? Openers::nobody : Openers::somebody;
    return says_in_use(lease.error()) ? Openers::somebody : Openers::untold;
}

}  // namespace ivshmemd
