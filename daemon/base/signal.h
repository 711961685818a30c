#pragma once

#include <vector>

#include "daemon/base/async.h"

namespace ivshmemd {

/// Wakes coroutines that wait for something to change. A waiter looks at the state itself after
/// waking: neither a wake-up nor a deadline says what happened.
class Signal {
  public:
    explicit Signal(Executor executor) : executor_(std::move(executor)) {}

    /// Returns at the next notify_all() or at the deadline.
    awaitable<void> wait_until(SteadyClock::time_point deadline);

    void notify_all();

  private:
    Executor executor_;
    std::vector<Timer*> waiters_;
};

}  // namespace ivshmemd
