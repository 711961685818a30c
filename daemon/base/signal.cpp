#include "daemon/base/signal.h"

#include <algorithm>

namespace ivshmemd {

awaitable<void> Signal::wait_until(SteadyClock::time_point deadline) {
    Timer timer(executor_, deadline);
    waiters_.push_back(&timer);
    co_await timer.async_wait(as_result);
    waiters_.erase(std::find(waiters_.begin(), waiters_.end(), &timer));
}

void Signal::notify_all() {
    for (Timer* timer : waiters_) timer->cancel();
}

}  // namespace ivshmemd
