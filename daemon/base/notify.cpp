#include "daemon/base/notify.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>

#include "daemon/base/fd_passing.h"
#include "daemon/base/unique_fd.h"

namespace ivshmemd {
namespace {

void notify(const std::string& message, int fd) {
    const char* path = std::getenv("NOTIFY_SOCKET");
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (!path || std::strlen(path) >= sizeof address.sun_path) return;
    std::strcpy(address.sun_path, path);
    const std::size_t length = offsetof(sockaddr_un, sun_path) + std::strlen(path);
    if (path[0] == '@') address.sun_path[0] = '\0';  // an abstract socket
    const UniqueFd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    const auto* to = reinterpret_cast<const sockaddr*>(&address);
    if (::connect(socket.get(), to, static_cast<socklen_t>(length)) != 0) return;
    send_with_fd(socket.get(), message, fd);
}

}  // namespace

void notify_status(const std::string& status) {
    notify("STATUS=" + status, -1);
}

void notify_watchdog() {
    notify("WATCHDOG=1", -1);
}

void notify_stopping() {
    notify("STOPPING=1", -1);
}

void notify_store(const std::string& name, int fd) {
    notify("FDSTORE=1\nFDNAME=" + name, fd);
}

void notify_discard(const std::string& name) {
    notify("FDSTOREREMOVE=1\nFDNAME=" + name, -1);
}

}  // namespace ivshmemd
