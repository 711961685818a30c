#pragma once

#include <algorithm>
#include <chrono>

namespace ivshmemd::test {

/// A point in time after which waiting is pointless. Every wait of the test support takes one.
class Deadline {
  public:
    static Deadline after(std::chrono::milliseconds time) {
        return Deadline(std::chrono::steady_clock::now() + time);
    }

    bool passed() const { return remaining_ms() == 0; }

    /// Milliseconds left, rounded up, never negative: what poll() takes.
    int remaining_ms() const {
        const auto left =
            std::chrono::ceil<std::chrono::milliseconds>(end_ - std::chrono::steady_clock::now());
        return static_cast<int>(std::max<std::chrono::milliseconds::rep>(left.count(), 0));
    }

    std::chrono::steady_clock::time_point end() const { return end_; }

  private:
    explicit Deadline(std::chrono::steady_clock::time_point end) : end_(end) {}
    std::chrono::steady_clock::time_point end_;
};

/// Generous for whatever takes milliseconds on a quiet host.
inline Deadline soon() {
    return Deadline::after(std::chrono::seconds(20));
}

/// Enough for a guest to boot under TCG on a loaded host.
inline Deadline boot_deadline() {
    return Deadline::after(std::chrono::seconds(60));
}

}  // namespace ivshmemd::test
