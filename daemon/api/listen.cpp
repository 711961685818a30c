#include "daemon/api/listen.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

namespace ivshmemd {
namespace {

constexpr mode_t socket_mode = 0660;

Error failed(const std::string& path, const std::string& what) {
    return Error(ErrorKind::internal, "cannot listen on " + path + ": " + what);
}

bool is_served(const sockaddr_un& address) {
    const UniqueFd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    const int connected =
        ::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
    return connected == 0 || errno == EAGAIN;
}

// Nobody may connect between bind and chmod, hence the mask.
int bind_private(int socket, const sockaddr_un& address) {
    const mode_t before = ::umask(0777);
    const int bound = ::bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address);
    const int error = errno;
    ::umask(before);
    errno = error;
    return bound;
}

}  // namespace

Result<UniqueFd> listen_for_clients(const std::string& path, std::optional<gid_t> group,
                                    std::string& warning) {
    if (::sd_listen_fds(1) > 0) return UniqueFd(SD_LISTEN_FDS_START);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) return failed(path, "the path is too long");
    std::memcpy(address.sun_path, path.data(), path.size());
    std::error_code ignored;
    std::filesystem::create_directories(std::filesystem::path(path).parent_path(), ignored);
    if (is_served(address)) return failed(path, "another daemon serves it");
    struct stat status {};
    if (::lstat(path.c_str(), &status) == 0 && S_ISSOCK(status.st_mode)) ::unlink(path.c_str());
    UniqueFd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!listener || bind_private(listener.get(), address) != 0) {
        return failed(path, std::strerror(errno));
    }
    const bool given = group && ::chown(path.c_str(), static_cast<uid_t>(-1), *group) == 0;
    if (!given) {
        warning = "the API's socket has the daemon's own group: " +
                  std::string(group ? std::strerror(errno) : "there is no group ivshmem");
    }
    if (::chmod(path.c_str(), socket_mode) != 0 || ::listen(listener.get(), SOMAXCONN) != 0) {
        return failed(path, std::strerror(errno));
    }
    return listener;
}

}  // namespace ivshmemd
