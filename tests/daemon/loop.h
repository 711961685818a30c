#pragma once

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <exception>
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
            io_.restart();
            io_.run_one_for(std::chrono::milliseconds(5));
        }
        return true;
    }

    /// Runs for that long, to see that something does not happen.
    void run_for(std::chrono::milliseconds time) {
        io_.restart();
        io_.run_for(time);
    }

    /// Runs until nothing is left to do; false when something still waits at the deadline.
    bool run_out(Deadline deadline = soon()) {
        io_.restart();
        io_.run_until(deadline.end());
        return io_.stopped();
    }

  private:
    boost::asio::io_context io_{1};
};

}  // namespace ivshmemd::test
