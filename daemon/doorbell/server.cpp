#include "daemon/doorbell/server.h"

#include <sys/eventfd.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "daemon/base/log.h"
#include "daemon/base/notify.h"

namespace ivshmemd::doorbell {
namespace {

constexpr Milliseconds pause_after_failed_accept{100};  // instead of spinning on EMFILE
constexpr std::chrono::seconds complaint_interval{10};  // refused clients must not fill the log
constexpr std::chrono::seconds time_to_read_refusal{2};
constexpr std::size_t most_refused = 16;  // connections kept open for that

// What the kernel charges for a message that is not read yet, in bytes: mostly its own bookkeeping.
constexpr unsigned message_charge = 768;

// Fails for nothing that matters: the kernel's own bound then holds.
void bound_unread(int socket, unsigned messages) {
    const int bytes = static_cast<int>(messages * message_charge / 2);  // the kernel doubles it
    ::setsockopt(socket, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
}

// One who tries whether somebody listens here is gone by now, and no peer.
bool has_hung_up(int socket) {
    char byte = 0;
    return ::recv(socket, &byte, sizeof byte, MSG_PEEK | MSG_DONTWAIT) == 0;
}

// "process 4711 of user 107", as far as the kernel tells.
std::string who_is(int socket) {
    ucred credentials{};
    socklen_t length = sizeof credentials;
    if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &length) != 0) return "?";
    return "process " + std::to_string(credentials.pid) + " of user " +
           std::to_string(credentials.uid);
}

// None: the host gives no more descriptors; errno says why.
SharedDescriptors make_vectors(unsigned count) {
    Descriptors vectors;
    vectors.reserve(count);
    for (unsigned i = 0; i < count; ++i) {
        vectors.emplace_back(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
        if (!vectors.back()) return nullptr;
    }
    return std::make_shared<const Descriptors>(std::move(vectors));
}

}  // namespace

void Server::start(UniqueFd listener) {
    acceptor_ = std::make_shared<Acceptor>(executor_, boost::asio::local::stream_protocol(),
                                           listener.release());
    status_line_.touch();
    spawn(executor_, "listener", accept(acceptor_));
}

void Server::stop() {
    boost::system::error_code ignored;
    if (acceptor_) acceptor_->close(ignored);
    for (const auto& socket : refused_) socket->close(ignored);
    const auto peers = std::move(peers_);
    peers_.clear();
    for (const auto& [id, peer] : peers) peer->end("the server stops");
}

awaitable<void> Server::accept(std::shared_ptr<Acceptor> acceptor) {
    while (acceptor->is_open()) {
        auto [error, socket] = co_await acceptor->async_accept(as_result);
        if (!error) {
            take(std::move(socket));
        } else if (acceptor->is_open()) {
            complain("cannot accept a client: " + error.message());
            Timer timer(executor_, pause_after_failed_accept);
            co_await timer.async_wait(as_result);
        }
    }
}

void Server::take(Peer::Socket socket) {
    if (has_hung_up(socket.native_handle())) return;
    const std::string who = who_is(socket.native_handle());
    if (peers_.size() >= limits_.peers) {
        return refuse(std::move(socket), who + ": all " + std::to_string(limits_.peers) +
                                             " peers that --peers allows are there");
    }
    SharedDescriptors vectors = make_vectors(limits_.vectors);
    if (!vectors) {
        return refuse(std::move(socket),
                      who + ": cannot make its vectors: " + std::strerror(errno));
    }
    bound_unread(socket.native_handle(), limits_.unread);
    const auto peer =
        std::make_shared<Peer>(std::move(socket), lowest_free_id(), std::move(vectors));
    join(peer);
    log_info({"peer ", std::to_string(peer->id()), " joined: ", who});
    spawn(executor_, "peer", deliver(peer));
    spawn(executor_, "peer", watch(peer));
}

void Server::join(const std::shared_ptr<Peer>& peer) {
    peer->greet(memory_);
    for (const auto& [id, other] : peers_) {
        peer->introduce(*other);
        other->introduce(*peer);
    }
    peer->introduce(*peer);
    peers_.emplace(peer->id(), peer);
    status_line_.touch();
}

awaitable<void> Server::deliver(std::shared_ptr<Peer> peer) {
    co_await peer->deliver(limits_.patience);
    leave(*peer);
}

awaitable<void> Server::watch(std::shared_ptr<Peer> peer) {
    co_await peer->watch();
    leave(*peer);
}

void Server::leave(const Peer& peer) {
    const auto place = peers_.find(peer.id());
    if (place == peers_.end() || place->second.get() != &peer) return;
    log_info({"peer ", std::to_string(peer.id()), " left: ", peer.why()});
    peers_.erase(place);
    for (const auto& [id, other] : peers_) other->withdraw(peer.id());
    status_line_.touch();
}

void Server::refuse(Peer::Socket socket, const std::string& why) {
    complain("refusing " + why);
    if (refused_.size() >= most_refused) return;  // closes it
    send_refusal(socket.native_handle());
    const auto shared = std::make_shared<Peer::Socket>(std::move(socket));
    refused_.insert(shared);
    spawn(executor_, "refusal", let_read(shared));
}

awaitable<void> Server::let_read(std::shared_ptr<Peer::Socket> socket) {
    Timer timer(executor_, time_to_read_refusal);
    timer.async_wait([socket](auto) {
        boost::system::error_code ignored;
        socket->close(ignored);
    });
    co_await socket->async_wait(Peer::Socket::wait_read, as_result);
    refused_.erase(socket);
}

void Server::complain(const std::string& why) {
    const auto now = SteadyClock::now();
    if (now < next_complaint_) {
        ++complaints_kept_back_;
        return;
    }
    const std::string more =
        complaints_kept_back_ == 0
            ? ""
            : " (and " + std::to_string(complaints_kept_back_) + " more since the last such line)";
    log_warning({why, more});
    complaints_kept_back_ = 0;
    next_complaint_ = now + complaint_interval;
}

std::uint16_t Server::lowest_free_id() const {
    std::uint16_t id = 0;
    for (const auto& [taken, peer] : peers_) {
        if (taken != id) break;
        ++id;
    }
    return id;
}

std::string Server::status() const {
    return std::to_string(peers_.size()) + " of " + std::to_string(limits_.peers) + " peers";
}

}  // namespace ivshmemd::doorbell
