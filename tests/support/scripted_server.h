#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <thread>

#include "tests/support/file_descriptor.h"

namespace ivshmemd::test {

/// A doorbell server that does whatever a test wants to each client, on a thread of its own.
class ScriptedServer {
  public:
    /// One client's treatment. It ends when the script returns; a script that wants to stay waits
    /// for `client` to be closed. Errors of sending are the script's to ignore.
    using Script = std::function<void(int client)>;

    ScriptedServer(std::filesystem::path path, Script script);
    ~ScriptedServer();

    const std::filesystem::path& path() const { return path_; }
    int clients() const { return clients_; }

  private:
    void serve();

    std::filesystem::path path_;
    Script script_;
    FileDescriptor listener_;
    FileDescriptor stop_;
    std::atomic<int> clients_ = 0;
    std::thread thread_;
};

/// Pieces of scripts.
void send_number(int client, std::int64_t number, int fd = -1);
void send_handshake(int client, std::int64_t id, int memory);
void send_memory_twice(int client, int memory);  // in one message
void send_vectors(int client, std::int64_t id, int count);
void wait_closed(int client);

/// A memfd of this size; `seals` as for F_ADD_SEALS, none when 0.
FileDescriptor shared_memory(std::uint64_t size, int seals = 0);
FileDescriptor eventfd_descriptor();

}  // namespace ivshmemd::test
