#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

// The protocol between an ivshmem server and its clients, as QEMU's docs/specs/ivshmem-spec.txt has
// it: the server alone speaks; a message is a little-endian int64, with at most one file descriptor
// beside it (SCM_RIGHTS). Nothing here owns descriptors, they are only counted.
namespace ivshmemd::doorbell {

inline constexpr std::int64_t protocol_version = 0;
// In place of the version, to a client that is refused: a QEMU that reads a version it does not
// know gives the device up with an error, one whose connection just ends waits for ever.
inline constexpr std::int64_t refusal_version = -1;
inline constexpr std::int64_t memory_number = -1;  // comes with the shared memory's descriptor
inline constexpr std::int64_t max_peer_id = 65535;
inline constexpr std::size_t message_bytes = 8;

using MessageBytes = std::array<char, message_bytes>;

MessageBytes encode(std::int64_t number);
std::int64_t decode(const MessageBytes& bytes);

struct Message {
    std::int64_t number = 0;
    std::size_t descriptors = 0;

    bool operator==(const Message&) const = default;
};

/// Puts one message after another together. Read at most wanted() bytes in one go: then whatever
/// descriptors come with them belong to this message, however the sender cut its bytes.
class MessageCollector {
  public:
    /// Bytes to the end of the current message, 1 to 8.
    std::size_t wanted() const { return message_bytes - have_; }
    /// Whether a part of a message is there.
    bool has_part() const { return have_ > 0 || descriptors_ > 0; }

    /// Takes at most wanted() bytes, and the number of descriptors read with them. The message,
    /// once it is whole.
    std::optional<Message> feed(std::string_view bytes, std::size_t descriptors);

  private:
    MessageBytes bytes_{};
    std::size_t have_ = 0;
    std::size_t descriptors_ = 0;
};

}  // namespace ivshmemd::doorbell
