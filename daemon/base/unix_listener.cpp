#include "daemon/base/unix_listener.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "daemon/base/unix_connect.h"

namespace ivshmemd {
namespace {

Error cannot_listen(const std::string& path, const std::string& why) {
    return Error(ErrorKind::internal, "cannot listen on " + path + ": " + why);
}

bool is_served(const std::string& path) {
    const UniqueFd probe = connect_unix(path);
    return probe || errno == EAGAIN;
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

Result<UnixListener> listen_at(const std::string& path, mode_t mode, std::optional<gid_t> group) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) return cannot_listen(path, "the path is too long");
    std::memcpy(address.sun_path, path.data(), path.size());
    std::error_code ignored;
    std::filesystem::create_directories(std::filesystem::path(path).parent_path(), ignored);
    if (is_served(path)) return cannot_listen(path, "another process serves it");
    struct stat status {};
    if (::lstat(path.c_str(), &status) == 0 && S_ISSOCK(status.st_mode)) ::unlink(path.c_str());
    UnixListener listener;
    listener.socket.reset(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!listener.socket || bind_private(listener.socket.get(), address) != 0) {
        return cannot_listen(path, std::strerror(errno));
    }
    if (group && ::chown(path.c_str(), static_cast<uid_t>(-1), *group) != 0) {
        listener.group_problem = std::strerror(errno);
    }
    if (::chmod(path.c_str(), mode) != 0 || ::listen(listener.socket.get(), SOMAXCONN) != 0) {
        return cannot_listen(path, std::strerror(errno));
    }
    return listener;
}

}  // namespace ivshmemd
