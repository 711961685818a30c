#pragma once

#include <boost/asio/local/stream_protocol.hpp>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "daemon/base/async.h"
#include "daemon/base/notify.h"
#include "daemon/base/unique_fd.h"
#include "daemon/doorbell/announcements.h"
#include "daemon/doorbell/peer.h"

namespace ivshmemd::doorbell {

struct ServerLimits {
    unsigned vectors = 1;          // of each peer
    unsigned peers = 64;           // at a time
    Milliseconds patience{10000};  // with a peer that does not read
    unsigned unread = 256;         // messages that the kernel keeps for such a peer, about
};

/// Introduces the clients of one socket to each other and gives them the memory, as QEMU's protocol
/// of ivshmem servers, version 0, has it. Ids are given out lowest first, so that the first client
/// can be master (id 0).
class Server {
  public:
    Server(Executor executor, SharedDescriptors memory, ServerLimits limits)
        : executor_(std::move(executor)),
          memory_(std::move(memory)),
          limits_(limits),
          status_line_(executor_, [this] { return status(); }) {}

    /// Starts serving on a listening socket.
    void start(UniqueFd listener);
    /// Ends all connections without a word of it to the clients: those that are left know each
    /// other, and go on.
    void stop();

    std::size_t peers() const { return peers_.size(); }

  private:
    using Acceptor = LocalAcceptor;

    awaitable<void> accept(std::shared_ptr<Acceptor> acceptor);
    void take(Peer::Socket socket);
    void join(const std::shared_ptr<Peer>& peer);
    awaitable<void> deliver(std::shared_ptr<Peer> peer);
    awaitable<void> watch(std::shared_ptr<Peer> peer);
    void leave(const Peer& peer);
    void refuse(Peer::Socket socket, const std::string& why);
    awaitable<void> let_read(std::shared_ptr<Peer::Socket> socket);
    void complain(const std::string& why);
    std::uint16_t lowest_free_id() const;
    std::string status() const;

    Executor executor_;
    SharedDescriptors memory_;
    ServerLimits limits_;
    ManagerStatus status_line_;
    std::shared_ptr<Acceptor> acceptor_;
    std::map<std::uint16_t, std::shared_ptr<Peer>> peers_;
    std::set<std::shared_ptr<Peer::Socket>> refused_;  // still open
    SteadyClock::time_point next_complaint_{};
    unsigned long complaints_kept_back_ = 0;
};

}  // namespace ivshmemd::doorbell
