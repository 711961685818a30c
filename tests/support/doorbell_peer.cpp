#include "tests/support/doorbell_peer.h"

#include <cstring>
#include <stdexcept>

#include "tests/support/unix_socket.h"

namespace ivshmemd::test {
namespace {

constexpr size_t message_size = 8;

DoorbellPeer::Message handshake_message(int socket, Deadline deadline) {
    auto message = DoorbellPeer::read_message(socket, deadline);
    if (!message) throw std::runtime_error("the server closed during the handshake");
    return std::move(*message);
}

void expect(bool condition, const DoorbellPeer::Message& message, const std::string& what) {
    if (condition) return;
    throw std::runtime_error("the server sent " + std::to_string(message.number) +
                             (message.descriptor ? " with" : " without") +
                             " a descriptor in place of " + what);
}

}  // namespace

DoorbellPeer::DoorbellPeer(const std::filesystem::path& server, Deadline deadline)
    : socket_(connect_unix(server, deadline)) {
    const Message version = handshake_message(socket_.get(), deadline);
    expect(version.number == 0 && !version.descriptor, version, "the version");
    const Message id = handshake_message(socket_.get(), deadline);
    expect(id.number >= 0 && id.number <= 65535 && !id.descriptor, id, "the id");
    id_ = id.number;
    Message memory = handshake_message(socket_.get(), deadline);
    expect(memory.number == -1 && memory.descriptor, memory, "the memory");
    memory_ = std::move(memory.descriptor);
}

std::optional<DoorbellPeer::Message> DoorbellPeer::read_message(int socket, Deadline deadline) {
    std::string bytes;
    Message message;
    while (bytes.size() < message_size) {
        auto part = receive(socket, deadline, message_size - bytes.size());
        if (!part) throw std::runtime_error("the server says nothing");
        if (part->bytes.empty()) return std::nullopt;
        bytes += part->bytes;
        for (FileDescriptor& fd : part->fds) {
            if (message.descriptor) throw std::runtime_error("two descriptors in one message");
            message.descriptor = std::move(fd);
        }
    }
    std::memcpy(&message.number, bytes.data(), message_size);
    return message;
}

bool DoorbellPeer::wait_vectors(std::int64_t id, size_t count, Deadline deadline) {
    return read_until([&] { return known_.contains(id) && known_[id].size() >= count; }, deadline);
}

bool DoorbellPeer::wait_known(std::int64_t id, size_t peers, Deadline deadline) {
    return read_until([&] { return known_.contains(id) && known_.size() == peers; }, deadline);
}

bool DoorbellPeer::wait_gone(std::int64_t id, Deadline deadline) {
    return read_until([&] { return !known_.contains(id); }, deadline);
}

bool DoorbellPeer::wait_closed(Deadline deadline) {
    return read_until([&] { return closed_; }, deadline);
}

bool DoorbellPeer::read_until(const std::function<bool()>& condition, Deadline deadline) {
    while (!condition()) {
        if (closed_ || !wait_readable(socket_.get(), deadline)) return false;
        auto message = read_message(socket_.get(), deadline);
        closed_ = !message;
        if (message) take(std::move(*message));
    }
    return true;
}

void DoorbellPeer::take(Message message) {
    numbers_.push_back(message.number);
    if (message.number < 0 || message.number > 65535) {
        throw std::runtime_error("no peer has the id " + std::to_string(message.number));
    }
    if (message.descriptor) {
        known_[message.number].push_back(std::move(message.descriptor));
    } else if (message.number == id_ || known_.erase(message.number) == 0) {
        throw std::runtime_error("peer " + std::to_string(message.number) + " cannot have left");
    }
}

void DoorbellPeer::ring(std::int64_t id, size_t vector) const {
    const std::uint64_t one = 1;
    if (::write(known_.at(id).at(vector).get(), &one, sizeof one) != sizeof one) {
        throw std::runtime_error("cannot ring peer " + std::to_string(id));
    }
}

bool DoorbellPeer::wait_ring(size_t vector, Deadline deadline) const {
    const int own = known_.at(id_).at(vector).get();
    std::uint64_t count = 0;
    return wait_readable(own, deadline) && ::read(own, &count, sizeof count) == sizeof count;
}

}  // namespace ivshmemd::test
