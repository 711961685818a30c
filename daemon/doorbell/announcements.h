#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "daemon/base/unique_fd.h"

namespace ivshmemd::doorbell {

/// Descriptors that several peers are told of: the vectors of one peer, or the memory alone. Closed
/// with the last who has to tell of them.
using Descriptors = std::vector<UniqueFd>;
using SharedDescriptors = std::shared_ptr<const Descriptors>;

/// A message that goes out, with a descriptor or -1.
struct Outgoing {
    std::int64_t number = 0;
    int descriptor = -1;
};

/// What one client is still to be told, in order. A client that reads nothing misses what came and
/// went meanwhile, so there are never more than two entries for each id, and no entry holds the
/// descriptors of a peer that has left.
class Announcements {
  public:
    /// A message of the handshake without a descriptor.
    void say(std::int64_t number) { entries_.push_back({number, nullptr, 0}); }
    /// One message with this number for each descriptor, in order.
    void introduce(std::int64_t number, SharedDescriptors descriptors);
    /// That the peer with this id has left. Nothing is said of a peer the client never heard of.
    void withdraw(std::uint16_t id);

    /// The message to send now; pop() once it is sent.
    std::optional<Outgoing> front() const;
    void pop();

    std::size_t size() const { return entries_.size(); }

  private:
    struct Entry {
        std::int64_t number = 0;
        SharedDescriptors descriptors;  // none: a message without
        std::size_t sent = 0;           // of the descriptors
    };

    std::deque<Entry> entries_;
};

}  // namespace ivshmemd::doorbell
