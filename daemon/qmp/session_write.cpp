#include <cerrno>
#include <cstring>

#include "daemon/base/alarm.h"
#include "daemon/base/fd_passing.h"
#include "daemon/qmp/session.h"

// The writing half of a session.
//
// With out-of-band commands enabled QEMU reads its monitor in a thread of its own, ahead of the
// main loop that carries commands out, and the two share what descriptors have come without a lock.
// A second descriptor replaces one that is not taken yet; and any byte that is read while a getfd
// is carried out may meet a descriptor that is just being taken: 5.2 and 10.0 have died of it. So
// what has a descriptor is sent up to its last brace, and then nothing until it is answered.
namespace ivshmemd::qmp {

void Session::send(std::string bytes) {
    outbox_.push_back({std::move(bytes), 0, UniqueFd(), 0});
    flush();
}

void Session::send_with_descriptor(std::string bytes, UniqueFd fd, std::uint64_t taken_by) {
    while (!bytes.empty() && bytes.back() == '\n') bytes.pop_back();  // not a byte too many
    outbox_.push_back({std::move(bytes), 0, std::move(fd), taken_by});
}

// A late answer counts: until it comes, QEMU may have the descriptor still before it.
void Session::note_answered(std::uint64_t id) {
    if (passing_ == 0 || passing_ != id) return;
    passing_ = 0;
    flush();
}

// What is being sent goes on; else only when no descriptor is on its way.
bool Session::may_send() const {
    if (outbox_.empty() || cause()) return false;
    return passing_ == 0 || (outbox_.front().sent > 0 && outbox_.front().taken_by == passing_);
}

void Session::flush() {
    if (draining_) return;
    while (may_send() && send_some(outbox_.front())) outbox_.pop_front();
    if (!may_send()) return;
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
        if (outgoing.fd) passing_ = outgoing.taken_by;
        outgoing.fd.reset();
        outgoing.sent += static_cast<std::size_t>(sent);
    }
    return !cause();
}

awaitable<void> Session::drain() {
    const auto self = shared_from_this();
    while (may_send()) {
        Alarm watch(socket_.get_executor(), SteadyClock::now() + deadlines_.write,
                    [this] { lose("QEMU takes no bytes from its monitor"); });
        co_await socket_.async_wait(Socket::wait_write, as_result);
        watch = Alarm();
        if (!cause() && send_some(outbox_.front())) outbox_.pop_front();
    }
    draining_ = false;
}

}  // namespace ivshmemd::qmp
