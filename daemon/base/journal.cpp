#include "daemon/base/journal.h"

#include <limits.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace ivshmemd {
namespace {

Taken taken_or(int error) {
    return error == EAGAIN || error == EWOULDBLOCK || error == ENOBUFS ? Taken::full
                                                                       : Taken::absent;
}

bool takes_bytes(int fd) {
    pollfd asked{fd, POLLOUT, 0};
    return ::poll(&asked, 1, 0) == 1;  // an error is for write(2) to tell
}

}  // namespace

Taken Journal::send(std::string_view entry) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path_.size() >= sizeof address.sun_path) return Taken::absent;
    std::memcpy(address.sun_path, path_.data(), path_.size());
    if (!socket_) socket_.reset(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    // By its name each time: a journal that was restarted is another socket.
    const ssize_t sent =
        ::sendto(socket_.get(), entry.data(), entry.size(), MSG_DONTWAIT | MSG_NOSIGNAL,
                 reinterpret_cast<const sockaddr*>(&address), sizeof address);
    return sent >= 0 ? Taken::yes : taken_or(errno);
}

void append_field(std::string& entry, std::string_view name, std::string_view value) {
    entry += name;
    entry += '=';
    const std::size_t begin = entry.size();
    entry += value;
    std::replace(entry.begin() + static_cast<std::ptrdiff_t>(begin), entry.end(), '\n', ' ');
    entry += '\n';
}

Taken write_at_once(int fd, std::string_view& bytes) {
    while (!bytes.empty()) {
        // What poll says is writable takes that much at once: pipe(7). The descriptor itself is
        // shared with others, who may want theirs to wait.
        if (!takes_bytes(fd)) return Taken::full;
        const ssize_t written =
            ::write(fd, bytes.data(), std::min<std::size_t>(bytes.size(), PIPE_BUF));
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return taken_or(errno);
        bytes.remove_prefix(static_cast<std::size_t>(written));
    }
    return Taken::yes;
}

}  // namespace ivshmemd
