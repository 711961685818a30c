#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>

#include "daemon/base/clock.h"
#include "daemon/relay/room.h"
#include "daemon/relay/server_connection.h"

namespace ivshmemd {

/// What a QEMU is still to be told of its server's peers, and for how much of that it has room.
/// Pure.
///
/// Order: while anything waits and there is no room, ask QEMU for question() descriptors and say by
/// answered() what came of it; with room, send front() and say sent().
class Backlog {
  public:
    /// A number of an announcement is the peer's id.
    void add(ServerMessage message) { waiting_.push_back(std::move(message)); }
    /// Forgets what was to be told of a peer; how much that was.
    std::size_t drop(std::uint16_t id);
    void clear() { waiting_.clear(); }

    bool empty() const { return waiting_.empty(); }
    std::size_t size() const { return waiting_.size(); }
    const ServerMessage& front() const { return waiting_.front(); }

    /// QEMU was found to have room for all that waits.
    void admit_all(SteadyClock::time_point now);
    /// For how much QEMU is to be asked: not for all at once, as each costs a question.
    std::size_t question() const;
    /// What came of a question for `count`. True when QEMU is full now, and was not before.
    bool answered(Room room, std::size_t count, SteadyClock::time_point now);
    /// For the next one; after a while QEMU may have used it for something else.
    bool has_room(SteadyClock::time_point now) const;
    /// The front was sent. `read_all`: before that, QEMU had read all that was sent.
    void sent(bool read_all);

    /// What QEMU may not have taken yet, of all that it was found to have room for.
    std::size_t outstanding(bool read_all, SteadyClock::time_point now) const;
    /// Peers, not announcements, that wait for a QEMU that is, or was, full.
    std::size_t crowded_out() const;

  private:
    std::deque<ServerMessage> waiting_;
    std::size_t room_ = 0;
    SteadyClock::time_point room_found_;
    std::size_t unread_ = 0;  // at most
    bool full_ = false;       // QEMU was, and has not been found to have room for all since
};

}  // namespace ivshmemd
