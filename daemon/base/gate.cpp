#include "daemon/base/gate.h"

namespace ivshmemd {

awaitable<Gate::Pass> Gate::enter() {
    if (!taken_) {
        taken_ = true;
        co_return Pass(this);
    }
    const auto waiter = std::make_shared<Waiter>(executor_);
    waiters_.push_back(waiter);
    while (!waiter->admitted) co_await waiter->timer.async_wait(as_result);
    co_return Pass(this);
}

void Gate::leave() {
    if (waiters_.empty()) {
        taken_ = false;
        return;
    }
    // The gate stays taken: it passes on, so that nobody slips in between.
    const std::shared_ptr<Waiter> next = waiters_.front();
    waiters_.pop_front();
    next->admitted = true;
    next->timer.cancel();
}

}  // namespace ivshmemd
