#include "proto/doorbell/message.h"

#include <algorithm>
#include <utility>

namespace ivshmemd::doorbell {

MessageBytes encode(std::int64_t number) {
    MessageBytes bytes;
    auto rest = static_cast<std::uint64_t>(number);
    for (char& byte : bytes) {
        byte = static_cast<char>(rest & 0xff);
        rest >>= 8;
    }
    return bytes;
}

std::int64_t decode(const MessageBytes& bytes) {
    std::uint64_t number = 0;
    for (auto byte = bytes.rbegin(); byte != bytes.rend(); ++byte) {
        number = number << 8 | static_cast<unsigned char>(*byte);
    }
    return static_cast<std::int64_t>(number);
}

std::optional<Message> MessageCollector::feed(std::string_view bytes, std::size_t descriptors) {
    bytes = bytes.substr(0, wanted());
    std::copy(bytes.begin(), bytes.end(), bytes_.data() + have_);
    have_ += bytes.size();
    descriptors_ += descriptors;
    if (have_ < message_bytes) return std::nullopt;
    have_ = 0;
    return Message{decode(bytes_), std::exchange(descriptors_, 0)};
}

}  // namespace ivshmemd::doorbell
