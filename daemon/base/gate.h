#pragma once

#include <list>
#include <memory>

#include "daemon/base/async.h"

namespace ivshmemd {

/// Lets one operation through at a time, in the order they came. Must outlive its passes.
class Gate {
  public:
    class Pass {
      public:
        explicit Pass(Gate* gate) : gate_(gate) {}
        Pass(Pass&& other) noexcept : gate_(std::exchange(other.gate_, nullptr)) {}
        Pass& operator=(Pass&&) = delete;
        ~Pass() { release(); }

        void release() {
            if (gate_) std::exchange(gate_, nullptr)->leave();
        }

      private:
        Gate* gate_;
    };

    explicit Gate(Executor executor) : executor_(std::move(executor)) {}

    awaitable<Pass> enter();
    bool busy() const { return taken_; }

  private:
    struct Waiter {
        explicit Waiter(const Executor& executor)
            : timer(executor, SteadyClock::time_point::max()) {}
        Timer timer;  // never expires: cancelled once admitted
        bool admitted = false;
    };

    void leave();

    Executor executor_;
    bool taken_ = false;
    // An empty deque is half a KiB, and each VM has two gates.
    std::list<std::shared_ptr<Waiter>> waiters_;
};

}  // namespace ivshmemd
