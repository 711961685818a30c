#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "tests/support/deadline.h"
#include "tests/support/file_descriptor.h"

namespace ivshmemd::test {

/// A client of an ivshmem server, as a host program would be. It reads only while one of its waits
/// runs. Failures throw std::runtime_error.
class DoorbellPeer {
  public:
    struct Message {
        std::int64_t number = 0;
        FileDescriptor descriptor;  // -1: came without
    };

    /// Connects, and takes the version, the id and the memory.
    explicit DoorbellPeer(const std::filesystem::path& server, Deadline deadline = soon());

    std::int64_t id() const { return id_; }
    int memory() const { return memory_.get(); }
    int socket() const { return socket_.get(); }

    /// Waits until `count` vectors of a peer, or its own, have come.
    bool wait_vectors(std::int64_t id, size_t count, Deadline deadline = soon());
    /// Waits until `peers` are known, itself and this one among them.
    bool wait_known(std::int64_t id, size_t peers, Deadline deadline = soon());
    /// Waits until this peer is not known any more.
    bool wait_gone(std::int64_t id, Deadline deadline = soon());
    /// Waits until the server ends the connection.
    bool wait_closed(Deadline deadline = soon());

    /// The ids it knows, its own among them, and the vectors of each in order.
    const std::map<std::int64_t, std::vector<FileDescriptor>>& known() const { return known_; }
    /// All numbers that have come, in order.
    const std::vector<std::int64_t>& numbers() const { return numbers_; }

    /// Rings a vector of a peer that is known.
    void ring(std::int64_t id, size_t vector) const;
    /// Waits for a ring of an own vector and takes it.
    bool wait_ring(size_t vector, Deadline deadline = soon()) const;

    void disconnect() { socket_.reset(); }

    /// The next message of a server on a connection; none when the server closed.
    static std::optional<Message> read_message(int socket, Deadline deadline);

  private:
    bool read_until(const std::function<bool()>& condition, Deadline deadline);
    void take(Message message);

    FileDescriptor socket_;
    std::int64_t id_ = -1;
    FileDescriptor memory_;
    bool closed_ = false;
    std::map<std::int64_t, std::vector<FileDescriptor>> known_;
    std::vector<std::int64_t> numbers_;
};

}  // namespace ivshmemd::test
