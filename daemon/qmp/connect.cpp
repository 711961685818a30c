#include "daemon/qmp/connect.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>

namespace ivshmemd::qmp {
namespace {

Error cannot_connect(const std::string& path, const std::string& why, const char* state) {
    return Error(ErrorKind::vm_unavailable, path + ": " + why, {{"state", std::string(state)}});
}

}  // namespace

Result<UniqueFd> connect_monitor(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) {
        return cannot_connect(path, "the path is longer than a Unix socket's may be",
                              "unreachable");
    }
    std::memcpy(address.sun_path, path.data(), path.size());
    UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!fd) return cannot_connect(path, std::strerror(errno), "unreachable");
    if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
        return fd;
    }
    if (errno == EAGAIN) return cannot_connect(path, "its queue of clients is full", "busy");
    return cannot_connect(path, std::strerror(errno), "unreachable");
}

}  // namespace ivshmemd::qmp
