#pragma once

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <functional>
#include <string>

#include "daemon/base/clock.h"

namespace ivshmemd {

/// The loop's own, in everything that waits: Asio's default is one for any kind of executor, which
/// makes each step of a wake-up a virtual call, and each timer and socket larger.
using Executor = boost::asio::io_context::executor_type;
template <class T>
using awaitable = boost::asio::awaitable<T, Executor>;
using Milliseconds = std::chrono::milliseconds;

using LocalSocket = boost::asio::basic_stream_socket<boost::asio::local::stream_protocol, Executor>;
using LocalAcceptor =
    boost::asio::basic_socket_acceptor<boost::asio::local::stream_protocol, Executor>;
using Descriptor = boost::asio::posix::basic_stream_descriptor<Executor>;

/// Completion as what a coroutine awaits.
inline constexpr boost::asio::use_awaitable_t<Executor> as_awaitable;
/// The same as a tuple that starts with the error code: nothing throws.
inline constexpr auto as_result = boost::asio::as_tuple(as_awaitable);

/// Told of a coroutine's end, and whether something escaped it.
using Ended = std::function<void(bool failed)>;

/// Starts a coroutine. What escapes it is a defect: it is logged under `name`, and `ended` hears of
/// it. What belongs to an owner that can go goes through a Scope.
void spawn(const Executor& executor, std::string name, awaitable<void> task, Ended ended = {});

}  // namespace ivshmemd
