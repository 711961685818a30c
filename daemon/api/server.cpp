#include "daemon/api/server.h"

#include <sys/socket.h>

#include "daemon/api/connection.h"
#include "daemon/base/log.h"

namespace ivshmemd {
namespace {

constexpr std::size_t connection_limit = 1024;  // of all users
constexpr int accepted_at_once = 256;
constexpr Milliseconds pause_when_out_of_files{100};  // instead of spinning on EMFILE

uid_t user_of(Outbox::Socket& socket) {
    ucred credentials{};
    credentials.uid = static_cast<uid_t>(-1);
    socklen_t length = sizeof credentials;
    ::getsockopt(socket.native_handle(), SOL_SOCKET, SO_PEERCRED, &credentials, &length);
    return credentials.uid;
}

}  // namespace

void Server::start(UniqueFd listener, Access access) {
    acceptors_.push_back(std::make_shared<Acceptor>(
        host_.executor, boost::asio::local::stream_protocol(), listener.release()));
    scope_.spawn("API listener", accept(acceptors_.back(), access));
}

void Server::stop_listening() {
    boost::system::error_code ignored;
    for (const auto& acceptor : acceptors_) acceptor->close(ignored);
}

awaitable<bool> Server::flush(SteadyClock::time_point until) {
    const auto clients = clients_;  // of those there are now
    for (const auto& each : clients) {
        const std::shared_ptr<Outbox> client = each.lock();
        if (client && !co_await client->flush_until(until)) co_return false;
    }
    co_return true;
}

void Server::close_all() {
    scope_.close();
    for (const auto& each : clients_) {
        if (const auto client = each.lock()) client->close();
    }
}

awaitable<void> Server::accept(std::shared_ptr<Acceptor> acceptor, Access access) {
    boost::system::error_code error;
    bool complained = false;  // once for each time that it runs out of them
    acceptor->non_blocking(true, error);
    while (acceptor->is_open()) {
        co_await acceptor->async_wait(Acceptor::wait_read, as_result);
        // Many at once: nobody's connection is held up by the calls of those before.
        error.clear();
        for (int i = 0; i < accepted_at_once && !error && acceptor->is_open(); ++i) {
            Outbox::Socket socket(host_.executor);
            acceptor->accept(socket, error);
            if (error) continue;
            complained = false;
            take(std::move(socket), access);
        }
        if (!error || error == boost::asio::error::would_block || !acceptor->is_open()) continue;
        if (!complained) log_warning({"cannot accept a client: ", error.message()});
        complained = true;
        Timer timer(host_.executor, pause_when_out_of_files);
        co_await timer.async_wait(as_result);
    }
}

void Server::take(Outbox::Socket socket, Access access) {
    const uid_t user = user_of(socket);
    std::erase_if(clients_, [](const auto& client) {
        const auto outbox = client.lock();
        return !outbox || outbox->left();
    });
    const std::shared_ptr<Account> account = accounts_.of(user);
    std::optional<Charge> charge =
        Charge::take(account, &Account::connections, 1, host_.config.connections_per_user);
    if (!charge || clients_.size() >= connection_limit) {
        log_debug({"refusing a client of user ", std::to_string(user), ": too many connections"});
        return;  // closes it
    }
    const auto outbox = std::make_shared<Outbox>(std::move(socket), account, std::move(*charge),
                                                 host_.deadlines.client_write, access);
    clients_.push_back(outbox);
    scope_.spawn("API client's end", outbox->watch());
    scope_.spawn("API client", serve(outbox), [outbox](bool) { outbox->close(); });
}

awaitable<void> Server::serve(std::shared_ptr<Outbox> outbox) {
    co_await serve_connection(service_, std::move(outbox), long_messages_, host_.parser,
                              host_.deadlines.client_message);
}

}  // namespace ivshmemd
