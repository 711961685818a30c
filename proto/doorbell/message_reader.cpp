#include "proto/doorbell/message_reader.h"

namespace ivshmemd::doorbell {
namespace {

std::string problem_of(const Message& message, std::uint16_t own_id) {
    if (message.number == memory_number) return "it sent the memory a second time";
    if (message.number < 0 || message.number > max_peer_id) {
        return "it sent " + std::to_string(message.number) + ", which is no peer's id";
    }
    if (message.descriptors > 1) {
        return "it sent " + std::to_string(message.descriptors) + " descriptors in one message";
    }
    if (message.descriptors == 0 && message.number == own_id) {
        return "it says that this client has left";
    }
    return {};
}

}  // namespace

std::optional<Notice> MessageReader::feed(std::string_view bytes, std::size_t descriptors) {
    if (!problem_.empty()) return std::nullopt;
    const auto message = collector_.feed(bytes, descriptors);
    return message ? take(*message) : std::nullopt;
}

std::optional<Notice> MessageReader::take(const Message& message) {
    problem_ = problem_of(message, own_id_);
    if (!problem_.empty()) return std::nullopt;
    const auto id = static_cast<std::uint16_t>(message.number);
    if (message.descriptors == 0) {
        vectors_.erase(id);
        return Notice{Notice::Kind::peer_gone, id, 0};
    }
    const auto kind = id == own_id_ ? Notice::Kind::own_vector : Notice::Kind::peer_vector;
    return Notice{kind, id, vectors_[id]++};
}

}  // namespace ivshmemd::doorbell
