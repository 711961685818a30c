#pragma once

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <exception>
#include <functional>
#include <optional>
#include <stdexcept>
#include <type_traits>
#include <utility>

#include "daemon/base/async.h"
#include "tests/support/deadline.h"

namespace ivshmemd::test {

/// The daemon's one thread, in a test: runs coroutines while the test waits for something, never
/// longer than a deadline.
class Loop {
  public:
    Executor executor() { return io_.get_executor(); }

    /// Runs a coroutine to its end. Throws what escapes it, and std::runtime_error past the
    /// deadline.
    template <class T>
    T run(awaitable<T> task, Deadline deadline = soon()) {
        const auto pending = start(std::move(task));
        if (!run_until([&] { return pending->done; }, deadline)) {
            throw std::runtime_error("the coroutine does not end");
        }
        return pending->take();
    }

    /// A coroutine under way; take() once done.
    template <class T>
    struct Pending {
        bool done = false;
        std::exception_ptr failure;
        std::optional<std::conditional_t<std::is_void_v<T>, bool, T>> value;

        T take() {
            if (failure) std::rethrow_exception(failure);
            if constexpr (!std::is_void_v<T>) return std::move(*value);
        }
    };

    template <class T>
    std::shared_ptr<Pending<T>> start(awaitable<T> task) {
        auto pending = std::make_shared<Pending<T>>();
        if constexpr (std::is_void_v<T>) {
            boost::asio::co_spawn(io_, std::move(task), [pending](std::exception_ptr failure) {
                pending->failure = failure;
                pending->done = true;
            });
        } else {
            boost::asio::co_spawn(io_, std::move(task),
                                  [pending](std::exception_ptr failure, T value) {
                                      pending->failure = failure;
                                      pending->value.emplace(std::move(value));
                                      pending->done = true;
                                  });
        }
        return pending;
    }

    /// Runs until the condition holds; false when the deadline passed first. The condition may look
    /// at other threads' work, so it is also tried when nothing happens here.
    template <class Condition>
    bool run_until(Condition condition, Deadline deadline = soon()) {
        while (!condition()) {
            if (deadline.passed()) return false;
            turn();
        }
        return true;
    }

    /// The clock is the test's from now on: it stands still while anything goes on, here or with
    /// those that `others_idle` knows of, and else jumps towards the next timer. So nothing is
    /// waited for in real time, and no deadline passes because the host is slow.
    void own_time(std::function<bool()> others_idle) {
        others_idle_ = std::move(others_idle);
        SteadyClock::own(SteadyClock::now());
    }

    bool owns_time() const { return static_cast<bool>(others_idle_); }

    /// Runs until nothing happens any more unless time passes. Only where the test owns the time.
    void run_until_quiet() {
        while (!is_quiet()) io_.run_one_for(std::chrono::microseconds(100));
    }

    /// Runs for that long by the test's own clock.
    void pass(Milliseconds time) {
        const SteadyClock::time_point end = SteadyClock::now() + time;
        while (true) {
            run_until_quiet();
            if (SteadyClock::now() >= end) return;
            advance(end);
        }
    }

    ~Loop() { SteadyClock::give_back(); }

    /// Runs what is ready, and what that makes ready: all that happens unless time passes or
    /// another thread does something.
    void run_ready() {
        io_.restart();
        io_.poll();
    }

    /// Runs for that long. That something does not happen is for pass() to show.
    void run_for(std::chrono::milliseconds time) {
        io_.restart();
        io_.run_for(time);
    }

    /// Runs until nothing is left to do; false when something still waits at the deadline.
    bool run_out(Deadline deadline = soon()) {
        if (others_idle_) return run_until([this] { return has_nothing_left(); }, deadline);
        io_.restart();
        io_.run_until(deadline.end());
        return io_.stopped();
    }

  private:
    // One thing that happens, or a moment's wait for one.
    void turn() {
        io_.restart();
        if (!others_idle_) {
            io_.run_one_for(std::chrono::milliseconds(5));
        } else if (io_.poll_one() > 0) {
            step_ = least_step;
        } else if (!is_quiet()) {
            io_.run_one_for(std::chrono::microseconds(100));
        } else {
            advance(SteadyClock::time_point::max());
        }
    }

    bool has_nothing_left() {
        io_.restart();
        io_.poll();
        return io_.stopped();
    }

    // Whoever else works here does so for the loop, which has nothing to do after them.
    bool is_quiet() {
        if (!others_idle_()) return false;
        io_.restart();
        if (io_.poll() == 0) return true;
        step_ = least_step;
        return false;
    }

    // By steps that grow until something happens: a deadline is met at most half of its length
    // late.
    void advance(SteadyClock::time_point most) {
        const SteadyClock::time_point now = SteadyClock::now();
        SteadyClock::own(std::min(most, now + step_));
        step_ = std::min<SteadyClock::duration>(step_ + step_ / 2, std::chrono::minutes(1));
        // One that is due comes first in the queue, and has the loop look at all of them.
        Timer due(io_, now - std::chrono::hours(1));
        due.async_wait([](const boost::system::error_code&) {});
        io_.restart();
        io_.run_one();
    }

    static constexpr SteadyClock::duration least_step = std::chrono::milliseconds(1);
    boost::asio::io_context io_{1};
    std::function<bool()> others_idle_;
    SteadyClock::duration step_ = least_step;
};

}  // namespace ivshmemd::test
