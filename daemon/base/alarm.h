#pragma once

#include <functional>
#include <memory>

#include "daemon/base/async.h"

namespace ivshmemd {

/// Rings once at a moment, unless it is let go of before: destroyed or assigned to. From then on it
/// is silent for certain. A timer alone is not: when the loop stood still for a while (SIGSTOP, a
/// slow host), the timer's completion is queued together with the one that makes it void, and
/// cancelling no longer takes it back. So `ring` may hold on to whatever outlives the alarm, such
/// as the object that it is a member of.
class Alarm {
  public:
    Alarm() = default;
    Alarm(const Executor& executor, SteadyClock::time_point when, std::function<void()> ring);

  private:
    struct State {
        Timer timer;
        std::function<void()> ring;
    };

    std::shared_ptr<State> state_;
};

}  // namespace ivshmemd
