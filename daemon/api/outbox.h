#pragma once

#include <boost/asio/local/stream_protocol.hpp>
#include <memory>
#include <string>

#include "daemon/base/async.h"
#include "daemon/base/signal.h"

namespace ivshmemd {

/// What is to be sent to one client, in order. Adding never waits; a client that does not take its
/// bytes is cut off, and nobody else notices.
class Outbox : public std::enable_shared_from_this<Outbox> {
  public:
    using Socket = boost::asio::local::stream_protocol::socket;

    Outbox(Socket socket, Milliseconds write_deadline)
        : socket_(std::move(socket)),
          write_deadline_(write_deadline),
          changed_(socket_.get_executor()) {}

    Socket& socket() { return socket_; }

    /// False when the connection has ended, or ends now because too much waits to be taken.
    bool add(std::string_view bytes);

    /// Sends this instead of what waits, then ends the connection.
    void close_after(std::string_view bytes);

    /// Returns when everything is sent, or the connection has ended.
    awaitable<void> flush();

    /// The same; false at the deadline.
    awaitable<bool> flush_until(SteadyClock::time_point deadline);

    bool open() const { return open_; }
    void close();

    /// Bytes that wait to be taken.
    std::size_t waiting() const { return pending_.size() + sending_.size(); }

  private:
    awaitable<void> drain();

    Socket socket_;
    Milliseconds write_deadline_;
    Signal changed_;
    std::string pending_;
    std::string sending_;
    bool draining_ = false;
    bool open_ = true;
    bool closing_ = false;  // once all is sent
};

}  // namespace ivshmemd
