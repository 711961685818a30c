#pragma once

#include <deque>
#include <filesystem>
#include <optional>
#include <string>

#include "tests/bench/fake_machines.h"
#include "tests/support/daemon_process.h"

namespace ivshmemd::bench {

/// Fake machines, a daemon that looks after them, and a region for all.
class FakeHerd {
  public:
    /// Returns when all are connected; `program` is another ivshmemd than this build's, if any.
    explicit FakeHerd(std::size_t machines, const std::filesystem::path& program = {});

    std::size_t size() const { return size_; }
    pid_t daemon() { return daemon_->process().pid(); }
    std::filesystem::path socket() const { return daemon_->socket(); }
    /// Takes what the daemon told its service manager: as long as its queue is full, the daemon
    /// tries again every second.
    void read_notifications() { daemon_->notify().stored(); }
    static std::string name_of(std::size_t number) { return "fake" + std::to_string(number); }

    /// By one client, one machine.
    static void attach(test::VarlinkClient& client, const std::string& vm);
    static void detach(test::VarlinkClient& client, const std::string& vm);

    /// Those from `begin` on, by a client for each, all at once; or in one transaction.
    void attach_each(std::size_t begin, std::size_t count);
    void attach_many(std::size_t begin, std::size_t count);
    void detach(std::size_t begin, std::size_t count);

  private:
    std::size_t connected();
    test::VarlinkClient& client(std::size_t number);

    std::size_t size_;
    test::TempDir directory_;
    test::TempDir regions_ = test::TempDir::shared_memory();
    std::deque<test::Child> fakes_;
    std::optional<test::DaemonProcess> daemon_;
    std::deque<test::VarlinkClient> clients_;
};

}  // namespace ivshmemd::bench
