#include "proto/doorbell/handshake_reader.h"

#include <utility>

namespace ivshmemd::doorbell {

std::size_t HandshakeReader::wanted() const {
    return state_ == State::reading ? collector_.wanted() : 0;
}

void HandshakeReader::feed(std::string_view bytes, std::size_t descriptors) {
    if (state_ != State::reading) return;
    if (const auto message = collector_.feed(bytes, descriptors)) take(*message);
}

void HandshakeReader::end() {
    if (state_ == State::reading) fail("it closed the connection " + position());
}

std::string HandshakeReader::position() const {
    const bool part = collector_.has_part();
    switch (part_) {
        case Part::version:
            return part ? "within the version" : "before the version";
        case Part::id:
            return part ? "within the id" : "after the version";
        case Part::memory:
            return part ? "within the memory message" : "after the id";
    }
    return {};
}

void HandshakeReader::take(const Message& message) {
    switch (part_) {
        case Part::version:
            return take_version(message);
        case Part::id:
            return take_id(message);
        case Part::memory:
            return take_memory(message);
    }
}

void HandshakeReader::take_version(const Message& message) {
    if (message.number == refusal_version) return fail("it takes no more peers (version -1)");
    if (message.number != protocol_version) {
        return fail("it sent version " + std::to_string(message.number) +
                    ", and only version 0 is known");
    }
    if (message.descriptors != 0) return fail("it sent a descriptor with the version");
    part_ = Part::id;
}

void HandshakeReader::take_id(const Message& message) {
    if (message.number < 0 || message.number > max_peer_id) {
        return fail("it sent id " + std::to_string(message.number) + ", and 65535 is the highest");
    }
    if (message.descriptors != 0) return fail("it sent a descriptor with the id");
    id_ = static_cast<std::uint16_t>(message.number);
    part_ = Part::memory;
}

void HandshakeReader::take_memory(const Message& message) {
    if (message.number != memory_number) {
        return fail("it sent " + std::to_string(message.number) +
                    " after the id, where -1 and the memory belong");
    }
    if (message.descriptors == 0) return fail("it sent no descriptor of the memory with -1");
    if (message.descriptors > 1) {
        return fail("it sent " + std::to_string(message.descriptors) + " descriptors with -1");
    }
    state_ = State::complete;
}

void HandshakeReader::fail(std::string problem) {
    state_ = State::failed;
    problem_ = std::move(problem);
}

}  // namespace ivshmemd::doorbell
