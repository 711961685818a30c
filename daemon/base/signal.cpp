#include "daemon/base/signal.h"

namespace ivshmemd {

awaitable<void> Signal::wait_until(SteadyClock::time_point deadline) {
    Timer timer(executor_, deadline);
    const auto place = waiters_.insert(waiters_.end(), &timer);
    co_await timer.async_wait(as_result);
    waiters_.erase(place);
}

void Signal::notify_all() {
    for (Timer* timer : waiters_) timer->cancel();
}

}  // namespace ivshmemd
