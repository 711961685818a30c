#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <csignal>

#include "daemon/ctl/client.h"
#include "daemon/ctl/command.h"
#include "daemon/ctl/connection.h"

namespace ivshmemd::ctl {
namespace {

// Bytes on their way in one direction: nothing is read while some wait to be written.
class Flow {
  public:
    Flow(int from, int to) : from_(from), to_(to) {}

    bool wants_to_read() const { return !ended_ && size_ == 0; }
    bool wants_to_write() const { return size_ > 0; }
    /// Nothing more will come out.
    bool is_over() const { return broken_ || (ended_ && size_ == 0); }
    bool is_broken() const { return broken_; }

    void read_some() {
        const ssize_t count = read(from_, buffer_.data(), buffer_.size());
        if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
        if (count <= 0) ended_ = true;
        if (count > 0) size_ = static_cast<std::size_t>(count);
        begin_ = 0;
    }

    // The descriptors may be others' as well, so they stay blocking: where there is room at all,
    // there is room for PIPE_BUF bytes.
    void write_some() {
        const char* bytes = buffer_.data() + begin_;
        ssize_t count = send(to_, bytes, size_, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (count < 0 && errno == ENOTSOCK) {
            count = write(to_, bytes, std::min<std::size_t>(size_, PIPE_BUF));
        }
        if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
        if (count < 0) return give_up();
        begin_ += static_cast<std::size_t>(count);
        size_ -= static_cast<std::size_t>(count);
    }

    void give_up() {
        broken_ = ended_ = true;
        size_ = 0;
    }

  private:
    int from_;
    int to_;
    std::array<char, 64 * 1024> buffer_;
    std::size_t begin_ = 0;
    std::size_t size_ = 0;
    bool ended_ = false;
    bool broken_ = false;
};

short wanted(bool read, bool write) {
    return static_cast<short>((read ? POLLIN : 0) | (write ? POLLOUT : 0));
}

bool has(const pollfd& each, int events) {
    return (each.revents & events) != 0;
}

// Until the daemon has closed, or nobody reads what it says.
void carry(int daemon) {
    Flow up(STDIN_FILENO, daemon);
    Flow down(daemon, STDOUT_FILENO);
    bool closed_up = false;
    while (!down.is_over()) {
        if (up.is_over() && !closed_up) {
            shutdown(daemon, SHUT_WR);
            closed_up = true;
        }
        // A negative descriptor is passed over; one without a wish still tells of its end.
        std::array<pollfd, 3> all{
            pollfd{up.wants_to_read() ? STDIN_FILENO : -1, POLLIN, 0},
            pollfd{daemon, wanted(down.wants_to_read(), up.wants_to_write()), 0},
            pollfd{STDOUT_FILENO, wanted(false, down.wants_to_write()), 0}};
        // What the daemon's end tells is taken only once there is room for it.
        const bool daemon_waits = !down.wants_to_read() && !up.wants_to_write();
        if (daemon_waits) all[1].fd = -1;
        if (poll(all.data(), all.size(), -1) < 0) continue;
        if (has(all[2], POLLERR | POLLHUP | POLLNVAL)) return;
        if (has(all[0], POLLIN | POLLHUP | POLLERR | POLLNVAL)) up.read_some();
        if (up.wants_to_write() && has(all[1], POLLOUT | POLLERR | POLLHUP)) up.write_some();
        if (down.wants_to_read() && has(all[1], POLLIN | POLLHUP | POLLERR)) down.read_some();
        if (down.wants_to_write() && has(all[2], POLLOUT)) down.write_some();
    }
}

int run_bridge(Session& session) {
    Connection connection(-1);
    const int error =
        connection.connect(session.address(), std::chrono::steady_clock::now() + connect_deadline);
    if (error != 0) {
        return print_error(not_connected(session.address(), error), session.json_mode(),
                           session.console());
    }
    std::signal(SIGPIPE, SIG_IGN);
    carry(connection.descriptor());
    return exit_ok;
}

}  // namespace

Runner declare_bridge(CLI::App& app) {
    app.footer(R"(What -H runs on the other host. Ends when the daemon closes the connection, or
nobody reads standard output any more.
Example: ssh host2 ivshmemctl bridge)");
    return run_bridge;
}

}  // namespace ivshmemd::ctl
