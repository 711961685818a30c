#pragma once

#include <functional>
#include <memory>
#include <string>

#include "daemon/base/async.h"
#include "daemon/base/signal.h"

namespace ivshmemd {

/// The background coroutines of one owner, which can be closed and waited for.
///
/// Invariants: what is started here has ended when ended() says so; nothing starts once the scope
/// is closed; what escapes a coroutine reaches the owner, by `failed`, after it was logged. A scope
/// may go before its coroutines: then nobody hears of them, and they keep alive what they hold.
///
/// Order: spawn() any number of times, close(), ended().
class Scope {
  public:
    /// Told the name of a coroutine that something escaped from. It must not throw.
    using Failed = std::function<void(const std::string& name)>;

    Scope(Executor executor, Failed failed);
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;
    ~Scope();

    /// Starts a coroutine, of whose end `ended` hears as well. Does nothing once the scope is
    /// closed.
    void spawn(const std::string& name, awaitable<void> task, Ended ended = {});

    void close() { closed_ = true; }
    bool closed() const { return closed_; }

    std::size_t running() const { return state_->running; }
    /// Waits until none is left. False at the deadline.
    awaitable<bool> ended(SteadyClock::time_point until);

  private:
    struct State {
        State(const Executor& executor, Failed failed_)
            : changed(executor), failed(std::move(failed_)) {}
        std::size_t running = 0;
        Signal changed;
        Failed failed;
    };

    Executor executor_;
    std::shared_ptr<State> state_;
    bool closed_ = false;
};

}  // namespace ivshmemd
