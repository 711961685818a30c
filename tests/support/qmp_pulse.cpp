#include "tests/support/qmp_pulse.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace ivshmemd::test {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

QmpPulse::QmpPulse(const std::filesystem::path& monitor)
    : monitor_(monitor, soon()), thread_([this] { beat(); }) {}

QmpPulse::~QmpPulse() {
    stop();
}

std::chrono::milliseconds QmpPulse::stop() {
    over_ = true;
    if (thread_.joinable()) thread_.join();
    return std::chrono::duration_cast<std::chrono::milliseconds>(longest_);
}

void QmpPulse::beat() {
    while (!over_) {
        const auto asked = Clock::now();
        try {
            monitor_.call("query-status");
        } catch (const std::exception&) {
            longest_ = 1h;
            return;
        }
        longest_ = std::max(longest_, Clock::now() - asked);
        std::this_thread::sleep_until(asked + 50ms);
    }
}

}  // namespace ivshmemd::test
