#pragma once

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <memory>
#include <utility>

#include "daemon/base/async.h"

namespace ivshmemd {

/// A thread of its own, for what may take long: reserving memory for a region, for one. Jobs run
/// one after the other.
class Worker {
  public:
    /// Runs `function` there and resumes the caller here, as soon as that job has ended. It must
    /// not throw.
    template <class Function>
    awaitable<std::invoke_result_t<Function>> run(Function function) {
        if (!pool_) pool_ = std::make_unique<boost::asio::thread_pool>(1);
        using R = std::invoke_result_t<Function>;
        return counted(boost::asio::async_initiate<decltype(as_awaitable), void(R)>(
                           Submit{pool_.get()}, as_awaitable, std::move(function)),
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

    // A coroutine spawned there would end behind all jobs that wait for the thread by then.
    struct Submit {
        boost::asio::thread_pool* pool;

        template <class Handler, class Function>
        void operator()(Handler handler, Function function) const {
            const auto executor = boost::asio::get_associated_executor(handler);
            boost::asio::post(*pool, [handler = std::move(handler), function = std::move(function),
                                      caller = boost::asio::make_work_guard(executor)]() mutable {
                boost::asio::post(caller.get_executor(),
                                  [handler = std::move(handler), result = function()]() mutable {
                                      std::move(handler)(std::move(result));
                                  });
            });
        }
    };

    Count under_way_ = std::make_shared<std::size_t>(0);
    std::unique_ptr<boost::asio::thread_pool> pool_;  // made at first use
};

}  // namespace ivshmemd
