#pragma once

#include <boost/asio/local/stream_protocol.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "daemon/api/account.h"
#include "daemon/base/async.h"
#include "daemon/base/signal.h"
#include "proto/varlink/message.h"

namespace ivshmemd {

/// What a client may do, by the socket it came through.
enum class Access {
    reading,  // nothing that changes anything
    all,
};

/// What is to be sent to one client, in order. Adding never waits; a client that does not take its
/// bytes is cut off, and nobody else notices.
class Outbox : public std::enable_shared_from_this<Outbox> {
  public:
    using Socket = LocalSocket;

    Outbox(Socket socket, std::shared_ptr<Account> account, Charge connection,
           Milliseconds write_deadline, Access access = Access::all)
        : socket_(std::move(socket)),
          account_(std::move(account)),
          connection_(std::move(connection)),
          write_deadline_(write_deadline),
          access_(access),
          changed_(socket_.get_executor()) {}

    Access access() const { return access_; }
    /// Of the client's user.
    const std::shared_ptr<Account>& account() const { return account_; }

    Socket& socket() { return socket_; }

    /// The most that may wait to be taken, in bytes: by one client, and by all of one user.
    static constexpr std::size_t limit = varlink::reply_limit;
    static constexpr std::size_t user_limit = 4 * limit;

    /// False when the connection has ended, or ends now because too much waits to be taken.
    bool add(std::string_view bytes);

    /// The same, and sent at once as far as nothing else waits and the client takes it: what one
    /// call is answered with needs no writer of its own.
    bool answer(std::string_view bytes);

    /// Sends this instead of what waits, then ends the connection.
    void close_after(std::string_view bytes);

    /// Returns once the client has hung up, or the connection has ended. What the client has sent
    /// before is still answered, but its connection no longer counts.
    awaitable<void> watch();

    /// Whether the client has hung up or the connection has ended.
    bool left() const { return left_ || !open_; }

    /// Calls this once the client has left; at once if it has. It must not throw.
    void when_left(std::function<void()> call);

    /// Returns when everything is sent, or the connection has ended.
    awaitable<void> flush();

    /// The same; false at the deadline.
    awaitable<bool> flush_until(SteadyClock::time_point deadline);

    bool open() const { return open_; }
    void close();

    /// Bytes that wait to be taken.
    std::size_t waiting() const { return pending_.size() + sending_.size(); }

  private:
    std::size_t send_now(std::string_view bytes);
    awaitable<void> drain();
    void tell_left();

    Socket socket_;
    std::shared_ptr<Account> account_;
    Charge connection_;
    Milliseconds write_deadline_;
    Access access_;
    Signal changed_;
    std::string pending_;
    std::string sending_;
    Charge pending_bytes_;
    Charge sending_bytes_;
    bool draining_ = false;
    bool open_ = true;
    bool left_ = false;
    bool closing_ = false;  // once all is sent
    std::vector<std::function<void()>> to_tell_;
};

}  // namespace ivshmemd
