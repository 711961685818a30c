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
        return boost::asio::co_spawn(*pool_, invoke(std::move(function)),
                                     boost::asio::use_awaitable);
    }

  private:
    template <class Function>
    static awaitable<std::invoke_result_t<Function>> invoke(Function function) {
        co_return function();
    }

    std::unique_ptr<boost::asio::thread_pool> pool_;  // made at first use
};

}  // namespace ivshmemd
