#include "daemon/api/outbox.h"

#include <sys/socket.h>

#include <boost/asio/write.hpp>

#include "daemon/base/alarm.h"

namespace ivshmemd {

bool Outbox::add(std::string_view bytes) {
    if (open_ && waiting() + bytes.size() > limit) close();
    if (!open_ || closing_) return false;
    pending_bytes_.release();
    auto charge =
        Charge::take(account_, &Account::bytes, pending_.size() + bytes.size(), user_limit);
    if (!charge) {
        close();
        return false;
    }
    pending_bytes_ = std::move(*charge);
    pending_ += bytes;
    if (!draining_) {
        draining_ = true;
        const auto self = shared_from_this();
        spawn(socket_.get_executor(), "API writer", self->drain(), [self](bool failed) {
            if (failed) self->close();
        });
    }
    return true;
}

bool Outbox::answer(std::string_view bytes) {
    const bool may_send = open_ && !closing_ && !draining_ && pending_.empty();
    if (may_send) bytes.remove_prefix(send_now(bytes));
    return bytes.empty() ? open_ : add(bytes);
}

// How much of it the kernel takes. What is wrong with the connection, a writer will find.
std::size_t Outbox::send_now(std::string_view bytes) {
    const ssize_t sent =
        ::send(socket_.native_handle(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    return sent > 0 ? static_cast<std::size_t>(sent) : 0;
}

void Outbox::close_after(std::string_view bytes) {
    pending_.clear();
    add(bytes);
    closing_ = true;
}

awaitable<void> Outbox::drain() {
    const auto self = shared_from_this();
    while (open_ && !pending_.empty()) {
        sending_ = std::exchange(pending_, {});
        sending_bytes_ = std::exchange(pending_bytes_, {});
        Alarm watch(socket_.get_executor(), SteadyClock::now() + write_deadline_,
                    [this] { close(); });
        const auto [error, count] =
            co_await boost::asio::async_write(socket_, boost::asio::buffer(sending_), as_result);
        watch = Alarm();
        sending_ = {};
        sending_bytes_.release();
        if (error) close();
    }
    draining_ = false;
    if (closing_) close();
    changed_.notify_all();
}

awaitable<void> Outbox::flush() {
    co_await flush_until(SteadyClock::time_point::max());
}

awaitable<bool> Outbox::flush_until(SteadyClock::time_point deadline) {
    const auto self = shared_from_this();
    while (open_ && waiting() > 0 && SteadyClock::now() < deadline) {
        co_await changed_.wait_until(deadline);
    }
    co_return !open_ || waiting() == 0;
}

awaitable<void> Outbox::watch() {
    const auto self = shared_from_this();
    // Not the end of what the client sends: one that only listens from now on is still served.
    co_await socket_.async_wait(Socket::wait_error, as_result);
    left_ = true;
    connection_.release();
    tell_left();
}

void Outbox::when_left(std::function<void()> call) {
    to_tell_.push_back(std::move(call));
    if (left()) tell_left();
}

void Outbox::tell_left() {
    for (const auto& each : std::exchange(to_tell_, {})) each();
}

void Outbox::close() {
    if (!open_) return;
    open_ = false;
    connection_.release();
    boost::system::error_code ignored;
    socket_.close(ignored);
    changed_.notify_all();
    tell_left();
}

}  // namespace ivshmemd
