#pragma once

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/thread_pool.hpp>
#include <memory>
#include <utility>

#include "daemon/base/async.h"

namespace ivshmemd {

/// A thread of its own, for what may take long: reserving memory for a region, for one. Jobs run
/// one after the other.
class Worker {
  public:
    /// Runs `function` there and resumes the caller here. It must not throw.
    template <class Function>
    awaitable<std::invoke_result_t<Function>> run(Function function) {
        if (!pool_) pool_ = std::make_unique<boost::asio::thread_pool>(1);
        return counted(
            boost::asio::co_spawn(*pool_, invoke(std::move(function)), boost::asio::use_awaitable),
            under_way_);
    }

    /// Whether a caller has yet to be resumed.
    bool busy() const { return *under_way_ > 0; }

  private:
    using Count = std::shared_ptr<std::size_t>;

    struct Mark {
        explicit Mark(Count count_) : count(std::move(count_)) { ++*count; }
        Mark(const Mark&) = delete;
        Mark& operator=(const Mark&) = delete;
        ~Mark() { --*count; }
        Count count;  // a caller may outlive the worker
    };

    template <class T>
    static awaitable<T> counted(awaitable<T> job, Count count) {
        const Mark mark(std::move(count));
        co_return co_await std::move(job);
    }

    template <class Function>
    static awaitable<std::invoke_result_t<Function>> invoke(Function function) {
        co_return function();
    }

    Count under_way_ = std::make_shared<std::size_t>(0);
    std::unique_ptr<boost::asio::thread_pool> pool_;  // made at first use
};

}  // namespace ivshmemd
