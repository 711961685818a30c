#include "daemon/base/scope.h"

namespace ivshmemd {

Scope::Scope(Executor executor, Failed failed)
    : executor_(std::move(executor)),
      state_(std::make_shared<State>(executor_, std::move(failed))) {}

Scope::~Scope() {
    state_->failed = nullptr;
}

void Scope::spawn(const std::string& name, awaitable<void> task, Ended ended) {
    if (closed_) return;
    ++state_->running;
    ivshmemd::spawn(executor_, name, std::move(task),
                    [state = state_, name, ended = std::move(ended)](bool failed) {
                        if (ended) ended(failed);
                        --state->running;
                        if (failed && state->failed) state->failed(name);
                        state->changed.notify_all();
                    });
}

awaitable<bool> Scope::ended(SteadyClock::time_point until) {
    const std::shared_ptr<State> state = state_;
    while (state->running > 0 && SteadyClock::now() < until) {
        co_await state->changed.wait_until(until);
    }
    co_return state->running == 0;
}

}  // namespace ivshmemd
