#include "daemon/relay/server_connection.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <array>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <cerrno>
#include <cstring>

#include "daemon/base/alarm.h"
#include "daemon/base/fd_passing.h"
#include "daemon/base/unix_connect.h"
#include "lib/size.h"
#include "proto/doorbell/handshake_reader.h"
#include "proto/doorbell/message_reader.h"

namespace ivshmemd {
namespace {

using Descriptor = boost::asio::posix::stream_descriptor;

// Peers a server may announce before our own vectors, times their vectors. Each holds a descriptor.
constexpr std::size_t most_announced = 8192;

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

const char* kind_of_memory(mode_t mode) {
    if (S_ISDIR(mode)) return "a directory";
    if (S_ISFIFO(mode)) return "a pipe";
    if (S_ISSOCK(mode)) return "a socket";
    if (S_ISCHR(mode) || S_ISBLK(mode)) return "a device";
    return "no file";
}

// What is wrong with the memory; empty when it serves. Seals it first, where that can be: what is
// checked here is mapped later.
std::string examine_memory(ServerConnection& server, std::uint64_t size_limit) {
    const int fd = server.memory.get();
    constexpr int fixed_size = F_SEAL_SHRINK | F_SEAL_GROW;
    ::fcntl(fd, F_ADD_SEALS, fixed_size);
    const int seals = ::fcntl(fd, F_GET_SEALS);
    server.sealed = seals >= 0 && (seals & fixed_size) == fixed_size;
    struct stat status {};
    if (::fstat(fd, &status) != 0) return std::string("its memory: ") + std::strerror(errno);
    if (!S_ISREG(status.st_mode)) {
        return std::string("what it sends as memory is ") + kind_of_memory(status.st_mode);
    }
    if ((::fcntl(fd, F_GETFL) & O_ACCMODE) != O_RDWR) return "its memory cannot be written to";
    server.size = static_cast<std::uint64_t>(status.st_size);
    server.file = {status.st_dev, status.st_ino};
    const Result<void> sound = check_size(server.size, size_limit);
    return sound ? "" : "its memory: " + sound.error().message;
}

/// One conversation under one deadline.
class Conversation {
  public:
    Conversation(Executor executor, ServerTerms terms, Milliseconds deadline)
        : terms_(std::move(terms)),
          deadline_(SteadyClock::now() + deadline),
          descriptor_(std::move(executor)) {}

    awaitable<Result<ServerConnection>> hold() {
        server_.socket = connect_unix(terms_.path);
        if (!server_.socket) co_return server_unusable(terms_.path, reason_of(errno));
        const Result<void> owner = check_owner(server_.socket.get(), terms_.trust);
        if (!owner) co_return server_unusable(terms_.path, owner.error().message);
        descriptor_.assign(server_.socket.duplicate().release());
        server_.vectors = terms_.vectors;
        alarm_ = Alarm(descriptor_.get_executor(), deadline_, [this] { give_up(); });
        std::string problem = co_await shake_hands();
        if (problem.empty()) problem = examine_memory(server_, terms_.size_limit);
        if (problem.empty()) problem = co_await hear_vectors();
        if (!problem.empty()) co_return server_unusable(terms_.path, problem);
        co_return std::move(server_);
    }

  private:
    void give_up() {
        boost::system::error_code ignored;
        descriptor_.cancel(ignored);
    }

    // False once the deadline has passed.
    awaitable<bool> wait_readable() {
        if (SteadyClock::now() >= deadline_) co_return false;
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
                reader.feed({buffer.data(), static_cast<std::size_t>(received.count)},
                            received.fds.size());
                for (UniqueFd& fd : received.fds) fds.push_back(std::move(fd));
            } else if (received.count < 0 && errno == EAGAIN) {
                if (!co_await wait_readable()) co_return "it fell silent " + reader.position();
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
        return "it gave " + std::to_string(own_vectors_) + " of the " +
               std::to_string(terms_.vectors) + " vectors asked for";
    }

    // Takes one message off the socket. What is wrong; nothing to read is no fault.
    std::string hear(doorbell::MessageReader& reader, bool& nothing) {
        ReceivedBytes received =
            receive_with_fds(server_.socket.get(), partial_.bytes.data() + have_, reader.wanted());
        nothing = received.count < 0 && errno == EAGAIN;
        if (nothing) return "";
        if (received.count <= 0) return "it closed the connection; " + count_of_vectors();
        if (!received.fds.empty()) partial_.fd = std::move(received.fds.front());
        const auto count = static_cast<std::size_t>(received.count);
        const auto notice =
            reader.feed({partial_.bytes.data() + have_, count}, received.fds.size());
        have_ = (have_ + count) % doorbell::message_bytes;
        if (!reader.problem().empty()) return reader.problem();
        if (!notice) return "";
        if (notice->kind == doorbell::Notice::Kind::own_vector) ++own_vectors_;
        server_.announced.push_back(std::exchange(partial_, {}));
        if (server_.announced.size() > most_announced) return "it announces peers without end";
        return "";
    }

    // Reads on until our own vectors are there, and whatever has come right behind them.
    awaitable<std::string> hear_vectors() {
        doorbell::MessageReader reader(server_.id);
        while (true) {
            bool nothing = false;
            std::string problem = hear(reader, nothing);
            if (!problem.empty()) co_return problem;
            if (own_vectors_ > terms_.vectors) {
                co_return "it gives more vectors than the " + std::to_string(terms_.vectors) +
                    " asked for; ask for as many as it gives";
            }
            if (!nothing) continue;
            if (own_vectors_ == terms_.vectors && have_ == 0) co_return "";
            if (!co_await wait_readable()) {
                co_return "it fell silent; " + count_of_vectors() + "; ask for as many as it gives";
            }
        }
    }

    ServerTerms terms_;
    SteadyClock::time_point deadline_;
    Descriptor descriptor_;
    Alarm alarm_;  // at the deadline
    ServerConnection server_;
    ServerMessage partial_;
    std::size_t have_ = 0;  // bytes of it
    std::uint32_t own_vectors_ = 0;
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
