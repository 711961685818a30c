#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "proto/doorbell/message.h"

namespace ivshmemd::doorbell {

/// What one message after the handshake says.
struct Notice {
    enum class Kind {
        own_vector,   // its descriptor is where the client hears `vector`
        peer_vector,  // its descriptor rings `vector` of the peer `id`
        peer_gone,    // the peer `id` has left
    };

    Kind kind = Kind::peer_gone;
    std::uint16_t id = 0;
    std::uint32_t vector = 0;  // counted from 0 in the order of arrival

    bool operator==(const Notice&) const = default;
};

/// The messages that follow a complete handshake. Use it like HandshakeReader: at most wanted()
/// bytes at a time. A fault is final: problem() is then not empty and nothing more comes out.
class MessageReader {
  public:
    explicit MessageReader(std::uint16_t own_id) : own_id_(own_id) {}

    /// Bytes that may be read now: to the end of the current message. 0 after a fault.
    std::size_t wanted() const { return problem_.empty() ? collector_.wanted() : 0; }

    /// Takes what was read and how many descriptors came with it. A notice of a vector means
    /// exactly one descriptor: the one that came with this message.
    std::optional<Notice> feed(std::string_view bytes, std::size_t descriptors);

    /// What is wrong, in a clause about the server; empty while nothing is.
    const std::string& problem() const { return problem_; }

  private:
    std::optional<Notice> take(const Message& message);

    std::uint16_t own_id_;
    MessageCollector collector_;
    std::map<std::uint16_t, std::uint32_t> vectors_;  // how many have come, by id
    std::string problem_;
};

}  // namespace ivshmemd::doorbell
