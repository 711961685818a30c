#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <thread>

#include "tests/daemon/fake_pc.h"
#include "tests/support/process.h"

namespace ivshmemd::bench {

/// Does something in a thread of its own, again and again, until it is destroyed.
class Repeated {
  public:
    /// `what` returns soon.
    explicit Repeated(std::function<void()> what);
    ~Repeated();

  private:
    std::atomic<bool> over_ = false;
    std::thread thread_;
};

/// Sends `count` events, rounded up to hundreds, as fast as they are taken; a monitor that is lost
/// is waited for.
void send_events(test::FakeQemu& qemu, std::uint64_t count);

/// A program that calls, and calls, and reads no answer; cut off, it comes again. As the user
/// nobody where we are root.
test::Child greedy_client(const std::filesystem::path& socket);

/// What that program does; never returns.
[[noreturn]] void call_without_end(const std::string& socket);

}  // namespace ivshmemd::bench
