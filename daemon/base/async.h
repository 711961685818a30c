#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <functional>
#include <string>

#include "daemon/base/clock.h"

namespace ivshmemd {

template <class T>
using awaitable = boost::asio::awaitable<T>;
using Executor = boost::asio::any_io_executor;
using Milliseconds = std::chrono::milliseconds;

/// Completion as a tuple that starts with the error code: nothing throws.
inline constexpr auto as_result = boost::asio::as_tuple(boost::asio::use_awaitable);

/// Told of a coroutine's end, and whether something escaped it.
using Ended = std::function<void(bool failed)>;

/// Starts a coroutine. What escapes it is a defect: it is logged under `name`, and `ended` hears of
/// it. What belongs to an owner that can go goes through a Scope.
void spawn(const Executor& executor, std::string name, awaitable<void> task, Ended ended = {});

}  // namespace ivshmemd
