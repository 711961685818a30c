#include "daemon/relay/server_connection.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <cerrno>
#include <cstring>

#include "daemon/base/alarm.h"
#include "daemon/base/fd_passing.h"
#include "daemon/base/unix_connect.h"
#include "daemon/relay/server_memory.h"
#include "proto/doorbell/handshake_reader.h"
#include "proto/doorbell/message_reader.h"
#include "proto/doorbell/vector_count.h"

namespace ivshmemd {
namespace {

// Peers a server may announce before our own vectors, times their vectors. Each holds a descriptor.
constexpr std::size_t most_announced = 8192;

// MSI-X has no more.
constexpr std::uint32_t most_vectors = 2048;

Result<void> check_owner(int socket, const RegionTrust& trust) {
    ucred peer{};
    socklen_t length = sizeof peer;
    if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0) {
        return Error(ErrorKind::internal, "SO_PEERCRED: " + std::string(std::strerror(errno)));
    }
    if (trust.trusts(peer.uid)) return {};
    return Error(ErrorKind::server_unusable,
                 "it belongs to user " + std::to_string(peer.uid) +
                     ", who could kill the VM through it; list the user in [trust] users");
}

std::string reason_of(int error) {
    if (error == ECONNREFUSED) return "nothing listens there";
    if (error == EAGAIN) return "it accepts no connection";
    return std::strerror(error);
}

/// One conversation under one deadline.
class Conversation {
  public:
    Conversation(Executor executor, ServerTerms terms, Milliseconds deadline)
        : terms_(std::move(terms)),
          deadline_(SteadyClock::now() + deadline),
          descriptor_(std::move(executor)),
          vectors_(SteadyClock::now(), terms_.pause) {}

    awaitable<Result<ServerConnection>> hold() {
        server_.socket = connect_unix(terms_.path);
        if (!server_.socket) co_return server_unusable(terms_.path, reason_of(errno));
        const Result<void> owner = check_owner(server_.socket.get(), terms_.trust);
        if (!owner) co_return server_unusable(terms_.path, owner.error().message);
        descriptor_.assign(server_.socket.duplicate().release());
        std::string problem = co_await shake_hands();
        if (problem.empty()) problem = examine_memory(server_, terms_.size_limit);
        if (problem.empty()) problem = co_await hear_vectors();
        if (!problem.empty()) co_return server_unusable(terms_.path, problem);
        server_.vectors = vectors_.own();
        co_return std::move(server_);
    }

  private:
    void give_up() {
        boost::system::error_code ignored;
        descriptor_.cancel(ignored);
    }

    // False once this moment, or the deadline, has passed.
    awaitable<bool> wait_readable(SteadyClock::time_point until) {
        if (SteadyClock::now() >= deadline_) co_return false;
        alarm_ =
            Alarm(descriptor_.get_executor(), std::min(until, deadline_), [this] { give_up(); });
        const auto [error] = co_await descriptor_.async_wait(Descriptor::wait_read, as_result);
        co_return !error;
    }

    awaitable<std::string> shake_hands() {
        doorbell::HandshakeReader reader;
        std::vector<UniqueFd> fds;
        while (reader.state() == doorbell::HandshakeReader::State::reading) {
            std::array<char, doorbell::message_bytes> buffer{};
            ReceivedBytes received =
                receive_with_fds(server_.socket.get(), buffer.data(), reader.wanted());
            if (received.count > 0) {
                vectors_.heard(SteadyClock::now());
                reader.feed({buffer.data(), static_cast<std::size_t>(received.count)},
                            received.fds.size());
                for (UniqueFd& fd : received.fds) fds.push_back(std::move(fd));
            } else if (received.count < 0 && errno == EAGAIN) {
                if (!co_await wait_readable(deadline_)) {
                    co_return "it fell silent " + reader.position();
                }
            } else {
                reader.end();
            }
        }
        if (reader.state() == doorbell::HandshakeReader::State::failed) co_return reader.problem();
        server_.id = reader.id();
        server_.memory = std::move(fds.front());
        co_return "";
    }

    std::string count_of_vectors() const {
        const std::string count = "it gave " + std::to_string(vectors_.own());
        if (!terms_.vectors) return count + " vectors";
        return count + " of the " + std::to_string(*terms_.vectors) + " vectors asked for";
    }

    // Takes one message off the socket. What is wrong; nothing to read is no fault.
    std::string hear(doorbell::MessageReader& reader, bool& nothing) {
        ReceivedBytes received =
            receive_with_fds(server_.socket.get(), partial_.bytes.data() + have_, reader.wanted());
        nothing = received.count < 0 && errno == EAGAIN;
        if (nothing) return "";
        if (received.count <= 0) return "it closed the connection; " + count_of_vectors();
        const SteadyClock::time_point now = SteadyClock::now();
        vectors_.heard(now);
        if (!received.fds.empty()) partial_.fd = std::move(received.fds.front());
        const auto count = static_cast<std::size_t>(received.count);
        const auto notice =
            reader.feed({partial_.bytes.data() + have_, count}, received.fds.size());
        have_ = (have_ + count) % doorbell::message_bytes;
        if (!reader.problem().empty()) return reader.problem();
        if (!notice) return "";
        vectors_.take(*notice, now);
        server_.announced.push_back(std::exchange(partial_, {}));
        if (server_.announced.size() > most_announced) return "it announces peers without end";
        return "";
    }

    std::string too_many_vectors() const {
        if (vectors_.own() <= terms_.vectors.value_or(most_vectors)) return "";
        if (!terms_.vectors)
            return "it gives more than " + std::to_string(most_vectors) + " vectors";
        return "it gives more vectors than the " + std::to_string(*terms_.vectors) +
               " asked for; ask for as many as it gives";
    }

    // `empty_at` was before the socket was found empty: a daemon that was stopped meanwhile has not
    // waited.
    bool is_complete(SteadyClock::time_point empty_at) const {
        if (have_ != 0) return false;
        return terms_.vectors ? vectors_.own() == *terms_.vectors : empty_at >= complete_at();
    }

    // Where nobody has said how many there are to be; the deadline ends all else.
    SteadyClock::time_point complete_at() const {
        return terms_.vectors || have_ != 0 ? deadline_ : vectors_.complete_at();
    }

    std::string silence() const {
        const std::string said = "it fell silent; " + count_of_vectors();
        return terms_.vectors ? said + "; ask for as many as it gives" : said;
    }

    // Reads on until our own vectors are there, and whatever has come right behind them.
    awaitable<std::string> hear_vectors() {
        doorbell::MessageReader reader(server_.id);
        while (true) {
            const SteadyClock::time_point now = SteadyClock::now();
            bool nothing = false;
            std::string problem = hear(reader, nothing);
            if (problem.empty()) problem = too_many_vectors();
            if (!problem.empty()) co_return problem;
            if (!nothing) continue;
            if (is_complete(now)) co_return "";
            const bool readable = co_await wait_readable(complete_at());
            if (!readable && SteadyClock::now() >= deadline_) co_return silence();
        }
    }

    ServerTerms terms_;
    SteadyClock::time_point deadline_;
    Descriptor descriptor_;
    Alarm alarm_;  // at the end of the present wait
    ServerConnection server_;
    ServerMessage partial_;
    std::size_t have_ = 0;  // bytes of it
    doorbell::VectorCount vectors_;
};

}  // namespace

Error server_unusable(const std::string& path, const std::string& reason) {
    return Error(ErrorKind::server_unusable,
                 "doorbell server " + path + " cannot be used: " + reason, {{"reason", reason}});
}

awaitable<Result<ServerConnection>> connect_to_server(Executor executor, ServerTerms terms,
                                                      Milliseconds deadline) {
    Conversation conversation(std::move(executor), std::move(terms), deadline);
    co_return co_await conversation.hold();
}

}  // namespace ivshmemd
