#include "daemon/ctl/doorbell_client.h"

#include <poll.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "daemon/base/fd_passing.h"
#include "daemon/base/unix_connect.h"
#include "proto/doorbell/handshake_reader.h"

namespace ivshmemd::ctl {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds greeting_deadline{3000};
constexpr milliseconds pause_between_vectors{100};
constexpr const char* closed_by_server = "it closed the connection";
constexpr std::size_t most_notices = 65536;
constexpr std::size_t most_vectors = 2048;  // of MSI-X

// Rounded up: a rounded-down wait would spin through its last millisecond.
int poll_time(steady_clock::time_point until) {
    const auto left = std::chrono::ceil<milliseconds>(until - steady_clock::now());
    return static_cast<int>(std::clamp(left, milliseconds{0}, greeting_deadline).count());
}

std::string spell_errno(int error) {
    if (error == ECONNREFUSED) return "nothing listens there";
    if (error == EAGAIN) return "it accepts no connection";
    return std::strerror(error);
}

// Anything else could block whoever writes to it, or do something on behalf of this user.
bool is_eventfd(int fd) {
    std::array<char, 64> target{};
    const std::string link = "/proc/self/fd/" + std::to_string(fd);
    const ssize_t length = ::readlink(link.c_str(), target.data(), target.size());
    return length > 0 && std::string_view(target.data(), static_cast<std::size_t>(length)) ==
                             "anon_inode:[eventfd]";
}

bool is_ready(int fd, short event) {
    pollfd polled{fd, event, 0};
    return ::poll(&polled, 1, 0) > 0 && (polled.revents & event) != 0;
}

// How often it was rung; 0 where somebody else took that first.
std::uint64_t take_ring(int fd) {
    std::uint64_t times = 0;
    iovec part{&times, sizeof times};
    return ::preadv2(fd, &part, 1, -1, RWF_NOWAIT) == sizeof times ? times : 0;
}

}  // namespace

Answer DoorbellClient::unusable(const std::string& reason) const {
    if (interrupted_) return client_error("Interrupted", "interrupted", exit_interrupted);
    return client_error("ServerUnusable",
                        "doorbell server " + server_ + " cannot be used: " + reason,
                        exit_code(ErrorKind::server_unusable), {{"reason", reason}});
}

DoorbellClient::Woken DoorbellClient::wait_readable(Time until) const {
    std::array<pollfd, 2> polled{pollfd{socket_.get(), POLLIN, 0}, pollfd{interrupt_, POLLIN, 0}};
    if (::poll(polled.data(), polled.size(), poll_time(until)) <= 0) return Woken::late;
    return polled[1].revents != 0 ? Woken::interrupted : Woken::readable;
}

std::string DoorbellClient::shake_hands(Time deadline) {
    doorbell::HandshakeReader reader;
    while (reader.state() == doorbell::HandshakeReader::State::reading) {
        std::array<char, doorbell::message_bytes> buffer{};
        const ReceivedBytes received =
            receive_with_fds(socket_.get(), buffer.data(), reader.wanted());
        if (received.count > 0) {
            count_->heard(steady_clock::now());
            reader.feed({buffer.data(), static_cast<std::size_t>(received.count)},
                        received.fds.size());
        } else if (received.count < 0 && errno == EAGAIN) {
            const Woken woken = wait_readable(deadline);
            interrupted_ = woken == Woken::interrupted;
            if (woken != Woken::readable && (interrupted_ || steady_clock::now() >= deadline)) {
                return "it fell silent " + reader.position();
            }
        } else {
            reader.end();
        }
    }
    if (reader.state() == doorbell::HandshakeReader::State::failed) return reader.problem();
    id_ = reader.id();
    return "";
}

// Takes what is there of one message.
DoorbellClient::Heard DoorbellClient::hear() {
    std::array<char, doorbell::message_bytes> buffer{};
    ReceivedBytes received = receive_with_fds(socket_.get(), buffer.data(), reader_->wanted());
    if (received.count < 0 && (errno == EAGAIN || errno == EINTR)) return Heard::nothing;
    if (received.count <= 0) {
        problem_ = closed_by_server;
        return Heard::wrong;
    }
    const Time now = steady_clock::now();
    count_->heard(now);
    if (!received.fds.empty()) partial_ = std::move(received.fds.front());
    const auto notice = reader_->feed({buffer.data(), static_cast<std::size_t>(received.count)},
                                      received.fds.size());
    problem_ = reader_->problem();
    if (!problem_.empty()) return Heard::wrong;
    if (!notice) return Heard::something;
    count_->take(*notice, now);
    problem_ = take(*notice, std::exchange(partial_, {}));
    return problem_.empty() ? Heard::something : Heard::wrong;
}

// What is wrong with it.
std::string DoorbellClient::take(const doorbell::Notice& notice, UniqueFd fd) {
    const bool own = notice.kind == doorbell::Notice::Kind::own_vector;
    if (!own && (!bell_ || notice.id != bell_->peer)) return "";
    if (notice.kind == doorbell::Notice::Kind::peer_gone) {
        target_.reset();
        return "";
    }
    if (!is_eventfd(fd.get())) return "what it sends as a vector is no eventfd";
    if (own && own_.size() == most_vectors) {
        return "it gives more than " + std::to_string(most_vectors) + " vectors";
    }
    if (own) {
        own_.push_back(std::move(fd));
    } else if (notice.vector == bell_->vector) {
        target_ = std::move(fd);
    }
    return "";
}

std::string DoorbellClient::hear_peers(Time deadline) {
    for (std::size_t notices = 0; notices < most_notices;) {
        const Heard heard = hear();
        if (heard == Heard::wrong) return problem_;
        if (heard == Heard::something) {
            ++notices;
            continue;
        }
        if (steady_clock::now() >= count_->complete_at()) return "";
        const Woken woken = wait_readable(std::min(count_->complete_at(), deadline));
        interrupted_ = woken == Woken::interrupted;
        if (interrupted_ || (woken == Woken::late && steady_clock::now() >= deadline)) {
            return "it fell silent; it gave " + std::to_string(count_->own()) + " vectors";
        }
    }
    return "it announces peers without end";
}

Answer DoorbellClient::join(std::optional<Bell> bell) {
    bell_ = bell;
    const Time now = steady_clock::now();
    count_.emplace(now, pause_between_vectors);
    socket_ = connect_unix(server_);
    if (!socket_) return unusable(spell_errno(errno));
    std::string problem = shake_hands(now + greeting_deadline);
    if (!problem.empty()) return unusable(problem);
    reader_.emplace(id_);
    problem = hear_peers(now + greeting_deadline);
    if (!problem.empty()) return unusable(problem);
    return success(nullptr);
}

Answer DoorbellClient::no_such_bell() const {
    const auto peer = others().find(bell_->peer);
    std::string text;
    if (peer != others().end()) {
        text = "peer " + std::to_string(bell_->peer) + " has no vector " +
               std::to_string(bell_->vector) + "; it has " + std::to_string(peer->second) +
               ", from 0 on";
    } else if (bell_->peer == id_) {
        text = "peer " + std::to_string(id_) + " is this command itself";
    } else {
        text = "the server has no peer " + std::to_string(bell_->peer);
    }
    return client_error("InvalidParameter", text, exit_usage,
                        {{"parameter", peer == others().end() ? "peer" : "vector"}});
}

Answer DoorbellClient::ring() {
    if (!target_) return no_such_bell();
    const std::uint64_t one = 1;
    // One that is full has been rung, and nobody has taken that yet.
    const bool done =
        !is_ready(target_.get(), POLLOUT) || ::write(target_.get(), &one, sizeof one) == sizeof one;
    return done ? success(nullptr) : unusable(std::strerror(errno));
}

Answer DoorbellClient::wait(const Rung& rung, const std::function<void()>& server_ended) {
    while (true) {
        std::vector<pollfd> polled{{interrupt_, POLLIN, 0}, {socket_.get(), POLLIN, 0}};
        for (const UniqueFd& each : own_) polled.push_back({each.get(), POLLIN, 0});
        if (::poll(polled.data(), polled.size(), -1) < 0 && errno != EINTR) {
            return unusable(std::strerror(errno));
        }
        if (polled[0].revents != 0) return success(nullptr);
        for (std::size_t i = 2; i < polled.size(); ++i) {
            const std::uint64_t times = polled[i].revents != 0 ? take_ring(polled[i].fd) : 0;
            if (times > 0) rung(static_cast<std::uint32_t>(i - 2), times);
        }
        if (polled[1].revents == 0 || hear() != Heard::wrong) continue;
        if (problem_ != closed_by_server) return unusable(problem_);
        socket_.reset();  // which poll then leaves out
        server_ended();
    }
}

}  // namespace ivshmemd::ctl
