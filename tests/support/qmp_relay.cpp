#include "tests/support/qmp_relay.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "tests/support/json_text.h"
#include "tests/support/unix_socket.h"

namespace ivshmemd::test {

using nlohmann::json;
using Moment = QmpPoint::Moment;

void PrintTo(const QmpPoint& point, std::ostream* out) {
    constexpr std::array moments{"before ", "after ", "before the event "};
    *out << moments[static_cast<std::size_t>(point.moment)] << point.name << " " << point.contains;
}

struct QmpRelay::Connection {
    FileDescriptor client, qemu;
    std::string from_client = {}, from_qemu = {};
    std::vector<FileDescriptor> fds = {};  // that came with a command which is not whole yet
    json awaited = nullptr;                // the id of the command whose answer is the point
};

QmpRelay::QmpRelay(std::filesystem::path path, std::filesystem::path monitor)
    : path_(std::move(path)),
      monitor_(std::move(monitor)),
      listener_(bind_unix(path_, SOCK_STREAM)),
      end_(::eventfd(0, EFD_CLOEXEC)),
      thread_([this] { serve(); }) {}

QmpRelay::~QmpRelay() {
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t ignored = ::write(end_.get(), &one, sizeof one);
    thread_.join();
    std::filesystem::remove(path_);
}

void QmpRelay::stop_at(QmpPoint point, std::function<void()> action) {
    const std::lock_guard lock(mutex_);
    point_ = std::move(point);
    action_ = std::move(action);
}

bool QmpRelay::wait_stopped(Deadline deadline) {
    std::unique_lock lock(mutex_);
    return stopped_.wait_until(lock, deadline.end(), [this] { return !point_; });
}

void QmpRelay::serve() {
    while (true) {
        std::array<pollfd, 2> polled{pollfd{listener_.get(), POLLIN, 0},
                                     pollfd{end_.get(), POLLIN, 0}};
        ::poll(polled.data(), polled.size(), -1);
        if (polled[1].revents != 0) return;
        FileDescriptor client(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
        if (!client) continue;
        try {
            FileDescriptor qemu = connect_unix(monitor_, Deadline::after({}));
            Connection connection{std::move(client), std::move(qemu)};
            relay(connection);
        } catch (const std::runtime_error&) {
            // QEMU or its client is gone, and so is what is between them.
        }
    }
}

void QmpRelay::relay(Connection& connection) {
    for (bool open = true; open;) {
        std::array<pollfd, 3> polled{pollfd{connection.client.get(), POLLIN, 0},
                                     pollfd{connection.qemu.get(), POLLIN, 0},
                                     pollfd{end_.get(), POLLIN, 0}};
        ::poll(polled.data(), polled.size(), -1);
        if (polled[2].revents != 0) return;
        if (polled[0].revents != 0) open = pass_commands(connection);
        if (open && polled[1].revents != 0) open = pass_answers(connection);
    }
}

bool QmpRelay::pass_commands(Connection& connection) {
    std::optional<Received> received = receive(connection.client.get(), soon());
    if (!received || received->bytes.empty()) return false;
    connection.from_client += received->bytes;
    for (FileDescriptor& fd : received->fds) connection.fds.push_back(std::move(fd));
    while (const auto text = take_object(connection.from_client)) {
        const json command = parse_json(*text);
        if (is_point(connection, command, *text)) {
            stop();
            return false;
        }
        const json name = member(command, "execute");
        const bool takes = (name == "getfd" || name == "add-fd") && !connection.fds.empty();
        const int fd = takes ? connection.fds.front().get() : -1;
        send_all(connection.qemu.get(), *text + "\n", soon(), fd);
        if (takes) connection.fds.erase(connection.fds.begin());
    }
    return true;
}

bool QmpRelay::pass_answers(Connection& connection) {
    const std::optional<Received> received = receive(connection.qemu.get(), soon());
    if (!received || received->bytes.empty()) return false;
    connection.from_qemu += received->bytes;
    while (const auto text = take_object(connection.from_qemu)) {
        if (is_point(connection, parse_json(*text), *text)) {
            stop();
            return false;
        }
        send_all(connection.client.get(), *text + "\n", soon());
    }
    return true;
}

bool QmpRelay::is_point(Connection& connection, const json& message, const std::string& text) {
    const std::lock_guard lock(mutex_);
    if (!point_) return false;
    if (!connection.awaited.is_null() && !message.contains("execute")) {
        return member(message, "id") == connection.awaited;
    }
    const char* kind = point_->moment == Moment::told ? "event" : "execute";
    const bool there =
        member(message, kind) == point_->name && text.find(point_->contains) != std::string::npos;
    if (!there || point_->moment != Moment::answered) return there;
    connection.awaited = member(message, "id");
    return false;
}

void QmpRelay::stop() {
    const std::lock_guard lock(mutex_);
    action_();
    point_.reset();
    stopped_.notify_all();
}

}  // namespace ivshmemd::test
