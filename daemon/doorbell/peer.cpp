#include "daemon/doorbell/peer.h"

#include <sys/socket.h>

#include <boost/asio/post.hpp>
#include <cerrno>
#include <cstring>

#include "daemon/base/fd_passing.h"
#include "daemon/doorbell/peer_process.h"
#include "proto/doorbell/message.h"

namespace ivshmemd::doorbell {
namespace {

// Messages in one go: a peer that is told of many does not hold up the others for long.
constexpr int batch_size = 16;

// The kernel bounds the descriptors that a user has on their way (ETOOMANYREFS); peers that read,
// or are ended, make room.
constexpr Milliseconds pause_when_host_is_full{20};

ssize_t send_number(int socket, const Outgoing& outgoing) {
    const MessageBytes bytes = encode(outgoing.number);
    // The kernel takes eight bytes whole or not at all.
    return send_with_fd(socket, {bytes.data(), bytes.size()}, outgoing.descriptor);
}

}  // namespace

void send_refusal(int socket) {
    send_number(socket, {refusal_version, -1});
}

Peer::Peer(Socket socket, std::uint16_t id, SharedDescriptors vectors)
    : socket_(std::move(socket)),
      id_(id),
      vectors_(std::move(vectors)),
      news_(socket_.get_executor()),
      patience_(socket_.get_executor()) {
    if (!is_qemu(socket_.native_handle())) return;
    known_.emplace(socket_.get_executor(), static_cast<std::uint32_t>(vectors_->size()));
}

void Peer::greet(const SharedDescriptors& memory) {
    queue_.say(protocol_version);
    queue_.say(id_);
    queue_.introduce(memory_number, memory);
}

void Peer::introduce(const Peer& peer) {
    if (known_ && !is_news(peer)) return;
    queue_.introduce(peer.id_, peer.vectors_);
    tell();
}

bool Peer::is_news(const Peer& peer) {
    bool news = true;  // the same for all vectors: every peer of a server has as many
    for (const UniqueFd& vector : *peer.vectors_) {
        // Shares the list that the vector is in.
        news = known_->announce(peer.id_, std::shared_ptr<const UniqueFd>(peer.vectors_, &vector));
    }
    return news;
}

void Peer::withdraw(std::uint16_t id) {
    if (known_) return known_->withdraw(id, 0);
    queue_.withdraw(id);
    tell();
}

void Peer::tell() {
    if (!greeted_ || !socket_.is_open()) return;
    if (waits_for_reader_ || send_batch() == Sent::all) return;
    news_.notify_all();
}

awaitable<void> Peer::deliver(Milliseconds patience) {
    greeted_ = true;
    while (socket_.is_open()) {
        switch (send_batch()) {
            case Sent::all:
                if (socket_.is_open()) co_await news_.wait_until(SteadyClock::time_point::max());
                break;
            case Sent::batch:
                co_await boost::asio::post(socket_.get_executor(), as_awaitable);
                break;
            case Sent::until_full:
                co_await wait_until_read(patience);
                break;
            case Sent::until_host:
                co_await news_.wait_until(SteadyClock::now() + pause_when_host_is_full);
                break;
        }
    }
}

Peer::Sent Peer::send_batch() {
    for (int count = 0; count < batch_size; ++count) {
        const std::optional<Outgoing> next = queue_.front();
        if (!next) return Sent::all;
        if (send_number(socket_.native_handle(), *next) < 0) {
            if (errno == EAGAIN) return Sent::until_full;
            if (errno == ETOOMANYREFS) return Sent::until_host;
            end(errno == EPIPE || errno == ECONNRESET ? "it closed the connection"
                                                      : std::strerror(errno));
            return Sent::all;
        }
        queue_.pop();
    }
    return Sent::batch;
}

awaitable<void> Peer::wait_until_read(Milliseconds patience) {
    patience_.expires_after(patience);
    patience_.async_wait([self = shared_from_this(), wait = ++waits_, patience](auto error) {
        if (error || wait != self->waits_) return;
        self->end("it has read nothing for " + std::to_string(patience.count()) + " ms");
    });
    waits_for_reader_ = true;
    co_await socket_.async_wait(Socket::wait_write, as_result);
    waits_for_reader_ = false;
    ++waits_;
    patience_.cancel();
}

awaitable<void> Peer::watch() {
    char byte = 0;  // without room for descriptors the kernel closes those that come along
    ssize_t count = -1;
    while (count < 0) {
        co_await socket_.async_wait(Socket::wait_read, as_result);
        if (!socket_.is_open()) co_return;
        count = ::recv(socket_.native_handle(), &byte, sizeof byte, MSG_DONTWAIT);
        if (count < 0 && errno != EAGAIN) break;
    }
    end(count > 0 ? "it sent data, which no client does" : "it closed the connection");
}

void Peer::end(std::string why) {
    if (!socket_.is_open()) return;
    why_ = std::move(why);
    boost::system::error_code ignored;
    socket_.close(ignored);
    patience_.cancel();
    news_.notify_all();
}

}  // namespace ivshmemd::doorbell
