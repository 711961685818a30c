#pragma once

#include <boost/asio/posix/stream_descriptor.hpp>
#include <deque>
#include <functional>
#include <memory>
#include <string>

#include "daemon/base/async.h"
#include "daemon/base/scope.h"
#include "daemon/base/signal.h"
#include "daemon/relay/backlog.h"
#include "daemon/relay/peer_table.h"
#include "daemon/relay/server_connection.h"
#include "proto/doorbell/message.h"

namespace ivshmemd {

/// Passes on what a doorbell server says to the QEMU that takes this daemon for its server. QEMU
/// itself never talks to the server: one that breaks off at the wrong moment would hang it. Each
/// peer costs it descriptors, of which it must not run out: it is asked before it gets any.
///
/// Only announcements of peers pass through here; doorbells go through the eventfds themselves, but
/// see PeerTable.
class Relay : public std::enable_shared_from_this<Relay> {
  public:
    /// Why the server is lost; empty when it was QEMU that let go.
    using Ended = std::function<void(const std::string& why)>;
    /// QEMU has no room for what waits; said once, until it has.
    using Crowded = std::function<void()>;

    /// `vectors` of QEMU's device; none for a relay taken over from an earlier daemon. QEMU has
    /// room for what was `announced`.
    Relay(const Executor& executor, UniqueFd server, UniqueFd qemu,
          std::deque<ServerMessage> announced, std::optional<std::uint32_t> vectors);

    /// Begins to relay. Not before device_add is answered: an end that closes earlier hangs QEMU.
    void start(Scope& scope, AskRoom ask, Crowded crowded, Ended ended);
    bool started() const { return started_; }

    /// Ends it, without a word to `ended`. Both sides see the connection end.
    void stop();

    /// While true nothing is passed on: QEMU may get no descriptor now.
    void hold_back(bool held);

    /// Stops relaying without ending what the service manager keeps for the next daemon.
    void leave();

    /// Descriptors that QEMU was or is to be given.
    std::size_t passed() const { return passed_; }

    /// Those of them that it may not have yet, though it was found to have room for them.
    std::size_t outstanding() const;
    /// Peers that QEMU cannot be told of, for it has no room.
    std::size_t crowded_out() const { return backlog_.crowded_out(); }

    /// Whether QEMU has read all that it was to be given so far.
    bool delivered() const;

    int server() const { return server_fd_.get(); }
    int qemu() const { return qemu_fd_.get(); }

  private:
    awaitable<void> read_server();
    awaitable<void> write_qemu();
    awaitable<void> watch_qemu();
    std::string take_from_server();
    void take(const doorbell::Message& message, ServerMessage whole);
    bool has_read_all() const;
    awaitable<void> find_room();
    bool pass_front();
    void end(const std::string& why);

    UniqueFd server_fd_;
    UniqueFd qemu_fd_;
    Descriptor server_;  // duplicates, to wait on
    Descriptor qemu_;
    Backlog backlog_;
    Signal backlog_changed_;
    PeerTable peers_;
    doorbell::MessageCollector collector_;
    ServerMessage partial_;
    std::size_t have_ = 0;  // bytes of it
    AskRoom ask_;
    Crowded crowded_;
    Ended ended_;
    std::size_t passed_ = 0;
    bool started_ = false;
    bool held_ = false;
    bool over_ = false;
};

}  // namespace ivshmemd
