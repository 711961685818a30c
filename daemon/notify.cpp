#include "daemon/notify.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>

#include "daemon/unique_fd.h"

namespace ivshmemd {

void notify_status(const std::string& status) {
    const char* path = std::getenv("NOTIFY_SOCKET");
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (!path || std::strlen(path) >= sizeof address.sun_path) return;
    std::strcpy(address.sun_path, path);
    const std::size_t length = offsetof(sockaddr_un, sun_path) + std::strlen(path);
    if (path[0] == '@') address.sun_path[0] = '\0';  // an abstract socket
    const UniqueFd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    const std::string message = "STATUS=" + status;
    ::sendto(socket.get(), message.data(), message.size(), MSG_DONTWAIT | MSG_NOSIGNAL,
             reinterpret_cast<const sockaddr*>(&address), static_cast<socklen_t>(length));
}

}  // namespace ivshmemd
