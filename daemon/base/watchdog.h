#pragma once

#include "daemon/base/alarm.h"

namespace ivshmemd {

/// Feeds the service manager's watchdog, where it asks for that (WATCHDOG_USEC, WATCHDOG_PID),
/// twice in its time and from the event loop: a loop that no longer turns is noticed and restarted.
/// Where nobody asks, nothing ever wakes.
class Watchdog {
  public:
    explicit Watchdog(Executor executor) : executor_(std::move(executor)) {}

    void start();
    void stop();

  private:
    void feed();

    Executor executor_;
    std::chrono::microseconds interval_{0};
    Alarm alarm_;  // at the next meal
};

}  // namespace ivshmemd
