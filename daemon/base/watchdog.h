#pragma once

#include "daemon/base/async.h"

namespace ivshmemd {

/// Feeds the service manager's watchdog, where it asks for that (WATCHDOG_USEC, WATCHDOG_PID),
/// twice in its time and from the event loop: a loop that no longer turns is noticed and restarted.
/// Where nobody asks, nothing ever wakes.
class Watchdog {
  public:
    explicit Watchdog(const Executor& executor) : timer_(executor) {}

    void start();
    void stop();

  private:
    void feed();

    boost::asio::steady_timer timer_;
    std::chrono::microseconds interval_{0};  // none while it need not be fed
};

}  // namespace ivshmemd
