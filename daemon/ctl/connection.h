#pragma once

#include <chrono>
#include <string>
#include <string_view>

namespace ivshmemd::ctl {

using Deadline = std::chrono::steady_clock::time_point;

/// Why bytes did not move.
enum class Stop {
    none,         // they did
    closed,       // the other side closed or reset the connection
    timed_out,    // the deadline passed
    tick,         // nothing yet; the deadline has not passed
    interrupted,  // the user wants to stop
};

/// A blocking connection to a Unix stream socket whose every wait ends by a deadline, and by the
/// interrupt descriptor becoming readable.
class Connection {
  public:
    /// `interrupt` is not owned; -1 for none.
    explicit Connection(int interrupt) : interrupt_(interrupt) {}
    ~Connection();
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    int descriptor() const { return fd_; }

    /// 0, an errno, ETIMEDOUT when the daemon's backlog stays full, or EINTR for an interrupt.
    int connect(const std::string& path, Deadline deadline);

    /// Sends everything. A failed send leaves the connection usable for receive: a daemon that
    /// turns a caller away may have said why before it closed.
    Stop send(std::string_view bytes, Deadline deadline);

    /// Appends what is there to `buffer`. Returns `tick` after a tenth of a second of nothing.
    Stop receive(std::string& buffer, Deadline deadline);

  private:
    Stop wait(short events, Deadline deadline);
    bool interrupted(std::chrono::milliseconds timeout);

    int fd_ = -1;
    int interrupt_;
};

}  // namespace ivshmemd::ctl
