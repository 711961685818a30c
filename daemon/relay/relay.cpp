#include "daemon/relay/relay.h"

#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "daemon/base/fd_passing.h"

namespace ivshmemd {
namespace {

// Messages held for a QEMU that does not read; beyond it the server has to wait.
constexpr std::size_t most_queued = 1024;

// Between two attempts while the kernel has too many descriptors under way.
constexpr Milliseconds crowded_pause{20};

// Between two questions to a QEMU that has no room, or cannot be asked.
constexpr Milliseconds least_room_pause{1000};
constexpr Milliseconds most_room_pause{10000};

bool is_announcement(const doorbell::Message& message) {
    return message.number >= 0 && message.number <= doorbell::max_peer_id &&
           message.descriptors <= 1;
}

}  // namespace

Relay::Relay(const Executor& executor, UniqueFd server, UniqueFd qemu,
             std::deque<ServerMessage> announced, std::optional<std::uint32_t> vectors)
    : server_fd_(std::move(server)),
      qemu_fd_(std::move(qemu)),
      server_(executor, server_fd_.duplicate().release()),
      qemu_(executor, qemu_fd_.duplicate().release()),
      backlog_changed_(executor),
      peers_(executor, vectors) {
    for (ServerMessage& each : announced) {
        const doorbell::Message message{doorbell::decode(each.bytes), each.fd ? 1u : 0u};
        take(message, std::move(each));
    }
    backlog_.admit_all(SteadyClock::now());
}

void Relay::start(Scope& scope, AskRoom ask, Crowded crowded, Ended ended) {
    if (started_ || over_) return;
    started_ = true;
    ask_ = std::move(ask);
    crowded_ = std::move(crowded);
    ended_ = std::move(ended);
    const auto failed = [self = shared_from_this()](bool escaped) {
        if (escaped) self->end("an internal fault of ivshmemd");
    };
    scope.spawn("relay from a server", read_server(), failed);
    scope.spawn("relay to QEMU", write_qemu(), failed);
    scope.spawn("relay's watch of QEMU", watch_qemu(), failed);
}

bool Relay::has_read_all() const {
    int unread = 0;  // bytes that QEMU has not taken out of the socket
    return ::ioctl(qemu_fd_.get(), SIOCOUTQ, &unread) == 0 && unread == 0;
}

bool Relay::delivered() const {
    return over_ || (backlog_.empty() && has_read_all());
}

std::size_t Relay::outstanding() const {
    return over_ ? 0 : backlog_.outstanding(has_read_all(), SteadyClock::now());
}

void Relay::stop() {
    if (over_) return;
    // The service manager may hold duplicates: closing ours would end nothing.
    ::shutdown(server_fd_.get(), SHUT_RDWR);
    ::shutdown(qemu_fd_.get(), SHUT_RDWR);
    leave();
}

void Relay::hold_back(bool held) {
    held_ = held;
    backlog_changed_.notify_all();
}

void Relay::leave() {
    if (over_) return;
    over_ = true;
    boost::system::error_code ignored;
    server_.close(ignored);
    qemu_.close(ignored);
    server_fd_.reset();
    qemu_fd_.reset();
    backlog_.clear();
    peers_.clear();
    backlog_changed_.notify_all();
}

void Relay::end(const std::string& why) {
    if (over_) return;
    stop();
    if (ended_) ended_(why);
}

// What is wrong with the server; empty when it may go on.
std::string Relay::take_from_server() {
    ReceivedBytes received =
        receive_with_fds(server_fd_.get(), partial_.bytes.data() + have_, collector_.wanted());
    if (received.count < 0) {
        return errno == EAGAIN ? ""
                               : std::string("reading from it failed: ") + std::strerror(errno);
    }
    if (received.count == 0) return "it closed the connection";
    if (!received.fds.empty()) partial_.fd = std::move(received.fds.front());
    const auto count = static_cast<std::size_t>(received.count);
    const auto message =
        collector_.feed({partial_.bytes.data() + have_, count}, received.fds.size());
    have_ = (have_ + count) % doorbell::message_bytes;
    if (!message) return "";
    if (!is_announcement(*message)) return "it sent what is no announcement of a peer";
    take(*message, std::exchange(partial_, {}));
    return "";
}

void Relay::take(const doorbell::Message& message, ServerMessage whole) {
    const auto id = static_cast<std::uint16_t>(message.number);
    if (message.descriptors == 0) {
        const std::size_t dropped = backlog_.drop(id);
        passed_ -= dropped;
        peers_.withdraw(id, dropped);
    } else if (peers_.announce(id, std::make_shared<UniqueFd>(whole.fd.duplicate()))) {
        ++passed_;
        backlog_.add(std::move(whole));
    }
    backlog_changed_.notify_all();
}

awaitable<void> Relay::read_server() {
    const auto self = shared_from_this();
    while (!over_) {
        while (!over_ && backlog_.size() >= most_queued) {
            co_await backlog_changed_.wait_until(SteadyClock::time_point::max());
        }
        if (over_) break;
        const auto [error] = co_await server_.async_wait(Descriptor::wait_read, as_result);
        if (over_) break;
        const std::string problem = error ? error.message() : take_from_server();
        if (!problem.empty()) end(problem);
    }
}

awaitable<void> Relay::find_room() {
    Milliseconds pause = least_room_pause;
    while (!over_ && !held_ && !backlog_.empty()) {
        const std::size_t count = backlog_.question();
        const Room room = co_await ask_(count);
        if (over_) co_return;
        if (backlog_.answered(room, count, SteadyClock::now())) crowded_();
        if (room == Room::enough) co_return;
        const SteadyClock::time_point until = SteadyClock::now() + pause;
        pause = std::min(pause * 2, most_room_pause);
        while (!over_ && !backlog_.empty() && SteadyClock::now() < until) {
            co_await backlog_changed_.wait_until(until);
        }
    }
}

// False when it has to wait.
bool Relay::pass_front() {
    const bool read_all = has_read_all();
    const ServerMessage& message = backlog_.front();
    // A stream socket of this size takes eight bytes whole or not at all.
    const ssize_t sent = send_with_fd(qemu_fd_.get(), {message.bytes.data(), message.bytes.size()},
                                      message.fd.get());
    if (sent < 0) {
        if (errno != EAGAIN && errno != ETOOMANYREFS) end("");
        return false;
    }
    backlog_.sent(read_all);
    backlog_changed_.notify_all();
    return true;
}

awaitable<void> Relay::write_qemu() {
    const auto self = shared_from_this();
    while (!over_) {
        if (backlog_.empty() || held_) {
            co_await backlog_changed_.wait_until(SteadyClock::time_point::max());
            continue;
        }
        if (!backlog_.has_room(SteadyClock::now())) {
            co_await find_room();
            continue;
        }
        if (pass_front() || over_) continue;
        if (errno == ETOOMANYREFS) {
            Timer pause(qemu_.get_executor(), crowded_pause);
            co_await pause.async_wait(as_result);
        } else {
            co_await qemu_.async_wait(Descriptor::wait_write, as_result);
        }
    }
}

awaitable<void> Relay::watch_qemu() {
    const auto self = shared_from_this();
    std::array<char, 64> ignored{};
    while (!over_) {
        const auto [error] = co_await qemu_.async_wait(Descriptor::wait_read, as_result);
        if (over_ || error) break;
        const ssize_t count = ::recv(qemu_fd_.get(), ignored.data(), ignored.size(), MSG_DONTWAIT);
        // QEMU has nothing to say here, and says nothing; only its end matters.
        if (count == 0 || (count < 0 && errno != EAGAIN)) end("");
    }
}

}  // namespace ivshmemd
