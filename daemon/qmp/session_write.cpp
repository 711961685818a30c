#include <cerrno>
#include <cstring>

#include "daemon/base/alarm.h"
#include "daemon/base/fd_passing.h"
#include "daemon/qmp/session.h"

// The writing half of a session.
namespace ivshmemd::qmp {

void Session::send(std::string bytes, UniqueFd fd, std::uint64_t taken_by) {
    Outgoing outgoing{std::move(bytes), 0, std::move(fd), taken_by};
    if (outgoing.fd && passing_ != 0) {
        with_descriptors_.push_back(std::move(outgoing));
    } else {
        queue(std::move(outgoing));
    }
}

// A late answer counts: until it comes, QEMU may have the descriptor still before it.
void Session::pass_next_descriptor(std::uint64_t answered) {
    if (passing_ == 0 || passing_ != answered) return;
    passing_ = 0;
    if (with_descriptors_.empty()) return;
    Outgoing next = std::move(with_descriptors_.front());
    with_descriptors_.pop_front();
    queue(std::move(next));
}

void Session::queue(Outgoing outgoing) {
    if (outgoing.fd) passing_ = outgoing.taken_by;
    outbox_.push_back(std::move(outgoing));
    if (draining_) return;
    while (!outbox_.empty() && send_some(outbox_.front())) outbox_.pop_front();
    if (outbox_.empty() || cause()) return;
    draining_ = true;
    const auto self = shared_from_this();
    spawn(socket_.get_executor(), "QMP writer", self->drain(), [self](bool failed) {
        if (failed) self->lose("writing to the monitor failed");
    });
}

// True when all of it is sent.
bool Session::send_some(Outgoing& outgoing) {
    while (outgoing.sent < outgoing.bytes.size() && !cause()) {
        const std::string_view rest = std::string_view(outgoing.bytes).substr(outgoing.sent);
        const ssize_t sent = send_with_fd(socket_.native_handle(), rest, outgoing.fd.get());
        if (sent < 0) {
            if (errno == EINTR) continue;
            if (errno != EAGAIN) {
                lose(std::string("the monitor connection failed: ") + std::strerror(errno));
            }
            return false;
        }
        outgoing.fd.reset();
        outgoing.sent += static_cast<std::size_t>(sent);
    }
    return !cause();
}

awaitable<void> Session::drain() {
    const auto self = shared_from_this();
    while (!outbox_.empty() && !cause()) {
        Alarm watch(socket_.get_executor(), SteadyClock::now() + deadlines_.write,
                    [this] { lose("QEMU takes no bytes from its monitor"); });
        co_await socket_.async_wait(Socket::wait_write, as_result);
        watch = Alarm();
        if (!cause() && send_some(outbox_.front())) outbox_.pop_front();
    }
    draining_ = false;
}

}  // namespace ivshmemd::qmp
