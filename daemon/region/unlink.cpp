#include "daemon/region/unlink.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <csignal>
#include <optional>

namespace ivshmemd {
namespace {

using Kind = Unlinking::Kind;

bool is_region(const struct stat& status, const RegionIdentity& file) {
    return S_ISREG(status.st_mode) && RegionIdentity{status.st_dev, status.st_ino} == file;
}

bool survives_broken_leases() {
    struct sigaction action {};
    return ::sigaction(SIGIO, nullptr, &action) == 0 && action.sa_handler != SIG_DFL;
}

// A write lease on an open file, given back when this goes.
class WriteLease {
  public:
    explicit WriteLease(int fd) : fd_(fd) {
        if (::fcntl(fd_, F_SETLEASE, F_WRLCK) != 0) error_ = errno;
    }
    WriteLease(const WriteLease&) = delete;
    WriteLease& operator=(const WriteLease&) = delete;
    ~WriteLease() {
        if (error_ == 0) ::fcntl(fd_, F_SETLEASE, F_UNLCK);
    }

    int error() const { return error_; }
    /// False once somebody waits to open the file: he gets it when the lease is given back.
    bool unbroken() const { return ::fcntl(fd_, F_GETLEASE) == F_WRLCK; }

  private:
    int fd_;
    int error_ = 0;
};

// Somebody's open file, or somebody else's lease.
bool says_in_use(int error) {
    return error == EAGAIN || error == EWOULDBLOCK;
}

Unlinking refused(int error) {
    if (says_in_use(error)) return {Kind::in_use};
    return {Kind::untold, error};
}

// The file to be leased. The handle is closed again: older kernels count it as a user.
std::optional<Unlinking> open_region(const std::string& path, const RegionIdentity& file,
                                     UniqueFd& opened) {
    const UniqueFd handle(::open(path.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    struct stat status {};
    if (!handle || ::fstat(handle.get(), &status) != 0) {
        if (errno == ENOENT) return Unlinking{Kind::not_there};
        return Unlinking{Kind::untold, errno};
    }
    if (!is_region(status, file)) return Unlinking{Kind::not_there};
    const std::string same = "/proc/self/fd/" + std::to_string(handle.get());
    opened.reset(::open(same.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    if (!opened) return refused(errno);
    return std::nullopt;
}

// The name may have gone to another file since it was opened.
bool still_named(const std::string& path, const RegionIdentity& file) {
    struct stat status {};
    return ::lstat(path.c_str(), &status) == 0 && is_region(status, file);
}

}  // namespace

Unlinking unlink_unused(const std::string& path, const RegionIdentity& file) {
    if (!survives_broken_leases()) return {Kind::untold, ENOTSUP};
    UniqueFd opened;
    if (const auto failed = open_region(path, file, opened)) return *failed;
    const WriteLease lease(opened.get());
    if (lease.error() != 0) return refused(lease.error());
    if (!lease.unbroken()) return {Kind::in_use};
    if (!still_named(path, file)) return {Kind::not_there};
    if (::unlink(path.c_str()) != 0) return {Kind::untold, errno};
    return {lease.unbroken() ? Kind::done : Kind::joined};
}

void ignore_broken_leases() {
    std::signal(SIGIO, SIG_IGN);
}

}  // namespace ivshmemd
