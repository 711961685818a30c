#include "daemon/base/notify.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>

#include "daemon/base/fd_passing.h"
#include "daemon/base/unique_fd.h"

namespace ivshmemd {
namespace {

constexpr Milliseconds retry_interval{20};
constexpr Milliseconds status_interval{1000};

// False only when it is worth another try. A manager that is not there hears nothing.
bool notify(const std::string& message, int fd) {
    const char* path = std::getenv("NOTIFY_SOCKET");
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (!path || std::strlen(path) >= sizeof address.sun_path) return true;
    std::strcpy(address.sun_path, path);
    const std::size_t length = offsetof(sockaddr_un, sun_path) + std::strlen(path);
    if (path[0] == '@') address.sun_path[0] = '\0';  // an abstract socket
    const UniqueFd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket) return false;  // out of descriptors, for now
    const auto* to = reinterpret_cast<const sockaddr*>(&address);
    if (::connect(socket.get(), to, static_cast<socklen_t>(length)) != 0) return errno != EAGAIN;
    const ssize_t sent = send_with_fd(socket.get(), message, fd);
    return sent >= 0 || (errno != EAGAIN && errno != ENOBUFS);
}

}  // namespace

bool tell_manager(const std::string& message) {
    return notify(message, -1);
}

void ManagerPost::post(std::string message) {
    letters_.push_back(std::make_shared<Letter>(Letter{std::move(message)}));
    flush();
}

awaitable<bool> ManagerPost::deliver(std::string message, int fd, SteadyClock::time_point until) {
    const auto letter = std::make_shared<Letter>(Letter{std::move(message), fd});
    letters_.push_back(letter);
    flush();
    while (!letter->taken && SteadyClock::now() < until) co_await changed_.wait_until(until);
    if (!letter->taken) std::erase(letters_, letter);
    co_return letter->taken;
}

void ManagerPost::stop() {
    letters_.clear();
    again_ = Alarm();
}

void ManagerPost::flush() {
    const bool any = !letters_.empty();
    while (!letters_.empty() && notify(letters_.front()->message, letters_.front()->fd)) {
        letters_.front()->taken = true;
        letters_.pop_front();
    }
    again_ = Alarm();
    if (!letters_.empty()) {
        again_ = Alarm(executor_, SteadyClock::now() + retry_interval, [this] { flush(); });
    }
    if (any) changed_.notify_all();
}

void ManagerStatus::touch() {
    if (waiting_ || stopped_) return;
    if (SteadyClock::now() >= next_) {
        tell();
        return;
    }
    waiting_ = true;
    later_ = Alarm(executor_, next_, [this] { tell(); });
}

void ManagerStatus::say(const std::string& text) {
    if (tell_manager("STATUS=" + text)) told_ = text;
}

void ManagerStatus::stop() {
    stopped_ = true;
    later_ = Alarm();
}

void ManagerStatus::tell() {
    waiting_ = false;
    next_ = SteadyClock::now() + status_interval;
    const std::string text = text_();
    if (text == told_) return;
    if (tell_manager("STATUS=" + text)) {
        told_ = text;
    } else {
        touch();
    }
}

}  // namespace ivshmemd
