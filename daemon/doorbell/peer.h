#pragma once

#include <boost/asio/local/stream_protocol.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "daemon/base/async.h"
#include "daemon/base/signal.h"
#include "daemon/doorbell/announcements.h"
#include "daemon/relay/peer_table.h"

namespace ivshmemd::doorbell {

/// Tells a client that it is refused. Its connection should stay open until it has read that.
void send_refusal(int socket);

/// One client of the server: its connection, and what it is still to be told. Ends once, for the
/// first reason there is.
class Peer : public std::enable_shared_from_this<Peer> {
  public:
    using Socket = LocalSocket;

    Peer(Socket socket, std::uint16_t id, SharedDescriptors vectors);

    std::uint16_t id() const { return id_; }
    const SharedDescriptors& vectors() const { return vectors_; }

    /// Queues the handshake.
    void greet(const SharedDescriptors& memory);
    /// Tells of another peer's vectors, or of its own. One that reads hears the beginning at once,
    /// so of everybody who came, however briefly; nobody hears anything before deliver() runs.
    void introduce(const Peer& peer);
    /// Tells that another peer has left; not to a QEMU, which would not survive it.
    void withdraw(std::uint16_t id);

    /// Sends what is queued until the peer has ended. One that lets what is there for it lie for
    /// `patience` is ended.
    awaitable<void> deliver(Milliseconds patience);
    /// Waits until the peer has hung up or broken the protocol, and ends it.
    awaitable<void> watch();

    void end(std::string why);
    const std::string& why() const { return why_; }

  private:
    enum class Sent {
        all,         // nothing is queued any more
        batch,       // others first, then more
        until_full,  // the peer has to read first
        until_host,  // the host passes no more descriptors for now
    };

    void tell();
    bool is_news(const Peer& peer);
    Sent send_batch();
    awaitable<void> wait_until_read(Milliseconds patience);

    Socket socket_;
    std::uint16_t id_;
    SharedDescriptors vectors_;
    Announcements queue_;
    std::optional<PeerTable> known_;  // to a QEMU
    Signal news_;
    Timer patience_;
    bool greeted_ = false;
    bool waits_for_reader_ = false;
    unsigned waits_ = 0;  // tells an expiry of an earlier wait from one of this
    std::string why_;
};

}  // namespace ivshmemd::doorbell
