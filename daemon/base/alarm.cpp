#include "daemon/base/alarm.h"

namespace ivshmemd {

Alarm::Alarm(const Executor& executor, SteadyClock::time_point when, std::function<void()> ring)
    : state_(std::make_shared<State>(State{Timer(executor, when), std::move(ring)})) {
    state_->timer.async_wait(
        [weak = std::weak_ptr<State>(state_)](const boost::system::error_code& error) {
            const auto state = weak.lock();
            if (!error && state) state->ring();
        });
}

}  // namespace ivshmemd
