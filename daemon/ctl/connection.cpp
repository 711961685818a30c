#include "daemon/ctl/connection.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace ivshmemd::ctl {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds tick_interval{100};
constexpr milliseconds backlog_retry{50};

// Rounded up: a rounded-down wait would spin through its last millisecond.
milliseconds time_left(Deadline deadline) {
    const auto left = std::chrono::ceil<milliseconds>(deadline - steady_clock::now());
    return std::max(left, milliseconds{0});
}

}  // namespace

Connection::~Connection() {
    if (fd_ >= 0) close(fd_);
}

bool Connection::interrupted(milliseconds timeout) {
    pollfd waited{interrupt_, POLLIN, 0};  // poll ignores a negative descriptor
    return poll(&waited, 1, static_cast<int>(timeout.count())) > 0;
}

int Connection::connect(const Address& address, Deadline deadline) {
    if (!address.elsewhere()) return connect_here(address.socket, deadline);
    fd_ = tunnel_.start(address.host);
    return fd_ < 0 ? errno : 0;
}

int Connection::connect_here(const std::string& path, Deadline deadline) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.empty()) return ENOENT;
    if (path.size() >= sizeof address.sun_path) return ENAMETOOLONG;
    std::memcpy(static_cast<char*>(address.sun_path), path.data(), path.size());
    fd_ = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd_ < 0) return errno;
    // A full backlog cannot be polled for: a Unix socket answers EAGAIN and forgets about it.
    while (::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        if (errno != EAGAIN && errno != EINTR) return errno;
        if (time_left(deadline) == milliseconds{0}) return ETIMEDOUT;
        if (interrupted(backlog_retry)) return EINTR;
    }
    return 0;
}

Stop Connection::wait(short events, Deadline deadline) {
    const milliseconds left = time_left(deadline);
    if (left == milliseconds{0}) return Stop::timed_out;
    std::array<pollfd, 2> waited{pollfd{fd_, events, 0}, pollfd{interrupt_, POLLIN, 0}};
    const int ready =
        poll(waited.data(), waited.size(), static_cast<int>(std::min(left, tick_interval).count()));
    if (ready <= 0) return Stop::tick;
    return waited[1].revents != 0 ? Stop::interrupted : Stop::none;
}

Stop Connection::send(std::string_view bytes, Deadline deadline) {
    while (!bytes.empty()) {
        const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent >= 0) {
            bytes.remove_prefix(static_cast<std::size_t>(sent));
            continue;
        }
        if (errno != EAGAIN && errno != EINTR) return Stop::closed;
        const Stop stop = wait(POLLOUT, deadline);
        if (stop != Stop::none && stop != Stop::tick) return stop;
    }
    return Stop::none;
}

Stop Connection::receive(std::string& buffer, Deadline deadline) {
    const Stop stop = wait(POLLIN, deadline);
    if (stop != Stop::none) return stop;
    std::array<char, 16 * 1024> chunk;
    const ssize_t received = recv(fd_, chunk.data(), chunk.size(), 0);
    if (received > 0) {
        buffer.append(chunk.data(), static_cast<std::size_t>(received));
        return Stop::none;
    }
    if (received < 0 && (errno == EAGAIN || errno == EINTR)) return Stop::tick;
    return Stop::closed;
}

}  // namespace ivshmemd::ctl
