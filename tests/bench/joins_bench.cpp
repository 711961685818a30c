#include <sys/epoll.h>
#include <sys/socket.h>

#include <array>
#include <deque>
#include <stdexcept>

#include "tests/bench/bench.h"
#include "tests/bench/running.h"
#include "tests/support/doorbell_server.h"
#include "tests/support/unix_socket.h"

namespace ivshmemd::bench {
namespace {

using namespace test;

constexpr std::size_t few = 100;
constexpr std::size_t many = 1000;
constexpr int joins = 50;
constexpr std::size_t message_size = 8;  // bytes
// Version, id and memory come before the vectors.
constexpr std::size_t handshake = 3;

/// Peers with one vector each. They count what they are told and leave the descriptors to the
/// kernel: a million of them would not fit into one process.
class Peers {
  public:
    explicit Peers(const std::filesystem::path& server)
        : server_(server), epoll_(::epoll_create1(EPOLL_CLOEXEC)) {}

    std::size_t size() const { return sockets_.size(); }

    /// Returns how many messages that took, when all have come.
    std::size_t join() {
        FileDescriptor socket = connect_unix(server_, soon());
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.fd = socket.get();
        ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, socket.get(), &event);
        const std::size_t others = sockets_.size();
        sockets_.push_back(std::move(socket));
        // The others' vectors and its own to it, its own to the others.
        return receive_messages(handshake + 2 * others + 1);
    }
    void leave() {
        sockets_.pop_back();
        receive_messages(sockets_.size());
    }

  private:
    std::size_t receive_messages(std::size_t expected) {
        const Deadline deadline = soon();
        std::array<epoll_event, 256> events{};
        for (std::size_t bytes = 0; bytes < expected * message_size;) {
            const int ready =
                ::epoll_wait(epoll_.get(), events.data(), events.size(), deadline.remaining_ms());
            if (ready <= 0) throw std::runtime_error("the server falls silent");
            for (int i = 0; i < ready; ++i) {
                bytes += take(events[static_cast<std::size_t>(i)].data.fd);
            }
        }
        return expected;
    }
    // Without room for descriptors: the kernel closes them.
    static std::size_t take(int socket) {
        std::array<char, 4096> bytes{};
        std::size_t taken = 0;
        ssize_t count = 0;
        while ((count = ::recv(socket, bytes.data(), bytes.size(), MSG_DONTWAIT)) > 0) {
            taken += static_cast<std::size_t>(count);
        }
        if (count == 0) throw std::runtime_error("the server cut a peer off");
        return taken;
    }

    std::filesystem::path server_;
    FileDescriptor epoll_;
    std::deque<FileDescriptor> sockets_;
};

struct Join {
    Samples cpu;          // us of the server
    Samples per_message;  // us
};

Join measure_joins_at(std::size_t size, Peers& peers, pid_t server) {
    while (peers.size() < size) peers.join();
    Join result;
    for (int i = 0; i < joins; ++i) {
        const double before = cpu_of(server);
        const std::size_t messages = peers.join();
        const double cpu = (cpu_of(server) - before) * 1000;
        result.cpu.add(cpu);
        result.per_message.add(cpu / static_cast<double>(messages));
        peers.leave();
    }
    return result;
}

}  // namespace

void measure_joins(Report& report, const Options&) {
    DoorbellServer server(
        {"--vectors", "1", "--peers", std::to_string(many + joins), "--size", "64K"});
    Peers peers(server.socket());
    const pid_t pid = server.process().pid();
    const Join among_few = measure_joins_at(few, peers, pid);
    const Join among_many = measure_joins_at(many, peers, pid);
    report.add({.name = "doorbell server's CPU for a join at 1,000 peers",
                .unit = "us",
                .ours = among_many.cpu,
                .reference = "at 100",
                .beside = among_few.cpu});
    report.add({.name = "the same, for each message sent",
                .unit = "us",
                .ours = among_many.per_message,
                .reference = "at 100",
                .beside = among_few.per_message,
                .goal = Goal{Judged::ratio, 1.2}});
}

}  // namespace ivshmemd::bench
