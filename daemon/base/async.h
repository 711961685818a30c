#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <string>

namespace ivshmemd {

template <class T>
using awaitable = boost::asio::awaitable<T>;
using Executor = boost::asio::any_io_executor;
using SteadyClock = std::chrono::steady_clock;
using Milliseconds = std::chrono::milliseconds;

/// Completion as a tuple that starts with the error code: nothing throws.
inline constexpr auto as_result = boost::asio::as_tuple(boost::asio::use_awaitable);

/// Starts a coroutine nobody waits for. What escapes it is logged under `name`: it is a defect, and
/// never silent.
void spawn(const Executor& executor, std::string name, awaitable<void> task);

}  // namespace ivshmemd
