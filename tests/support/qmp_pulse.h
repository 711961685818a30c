#pragma once

#include <atomic>
#include <chrono>
#include <filesystem>
#include <thread>

#include "tests/support/qmp_client.h"

namespace ivshmemd::test {

/// Asks QEMU for its status every 50 ms, on a monitor of its own, and keeps the longest wait.
class QmpPulse {
  public:
    explicit QmpPulse(const std::filesystem::path& monitor);
    ~QmpPulse();

    /// An hour when QEMU did not answer in the end.
    std::chrono::milliseconds stop();

  private:
    void beat();

    QmpClient monitor_;
    std::atomic<bool> over_ = false;
    std::chrono::steady_clock::duration longest_{};
    std::thread thread_;
};

}  // namespace ivshmemd::test
