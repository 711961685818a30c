#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "daemon/ctl/address.h"
#include "daemon/ctl/tunnel.h"

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

/// A blocking connection to a daemon, at a Unix stream socket or through ssh, whose every wait ends
/// by a deadline, and by the interrupt descriptor becoming readable.
class Connection {
  public:
    /// `interrupt` is not owned; -1 for none.
    explicit Connection(int interrupt) : interrupt_(interrupt) {}
    ~Connection();
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    int descriptor() const { return fd_; }

    /// 0, an errno, ETIMEDOUT when the daemon's backlog stays full, or EINTR for an interrupt. Of
    /// another host only the first bytes tell that it answers.
    int connect(const Address& address, Deadline deadline);

    /// Of another host, once the stream has ended: how.
    Tunnel::End end_elsewhere() { return tunnel_.end(); }

    /// Sends everything. A failed send leaves the connection usable for receive: a daemon that
    /// turns a caller away may have said why before it closed.
    Stop send(std::string_view bytes, Deadline deadline);

    /// Appends what is there to `buffer`. Returns `tick` after a tenth of a second of nothing.
    Stop receive(std::string& buffer, Deadline deadline);

  private:
    int connect_here(const std::string& path, Deadline deadline);
    Stop wait(short events, Deadline deadline);
    bool interrupted(std::chrono::milliseconds timeout);

    Tunnel tunnel_;
    int fd_ = -1;
    int interrupt_;
};

}  // namespace ivshmemd::ctl
