#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "tests/support/notify_socket.h"
#include "tests/support/process.h"
#include "tests/support/temp_dir.h"

namespace ivshmemd::test {

/// A real ivshmem-doorbell on a private socket. Dies with this object.
class DoorbellServer {
  public:
    /// Starts it and waits until it says READY. `arguments` are added to --socket; without --size
    /// among them the memory is 64K.
    explicit DoorbellServer(std::vector<std::string> arguments = {});

    std::filesystem::path socket() const { return dir_ / "doorbell.sock"; }
    Child& process() { return *process_; }
    NotifySocket& notify() { return notify_; }

    /// After stop(): again, at the same socket.
    void start();
    /// SIGTERM; the exit code. Throws when it does not end in time.
    int stop();

    /// What it has open, and its resident memory in KiB.
    size_t open_files() const;
    size_t resident_kib() const;

    static std::string program();

  private:
    TempDir dir_;
    NotifySocket notify_;
    Command command_;
    std::optional<Child> process_;
};

}  // namespace ivshmemd::test
