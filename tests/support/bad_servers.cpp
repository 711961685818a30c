#include "tests/support/bad_servers.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <thread>

#include "tests/support/deadline.h"
#include "tests/support/unix_socket.h"

namespace ivshmemd::test {
namespace {

using namespace std::chrono_literals;
using SharedFd = std::shared_ptr<FileDescriptor>;

constexpr std::uint64_t mebibyte = 1 << 20;

SharedFd share(FileDescriptor fd) {
    return std::make_shared<FileDescriptor>(std::move(fd));
}

SharedFd pipe_end() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("pipe2");
    ::close(ends[1]);
    return share(FileDescriptor(ends[0]));
}

void half_a_message(int client) {
    ::send(client, "\0\0\0\0", 4, MSG_NOSIGNAL);
}

void flood(int client, const char* bytes, std::size_t size) {
    while (::send(client, bytes, size, MSG_NOSIGNAL) > 0) {
    }
}

ScriptedServer::Script then_wait(ScriptedServer::Script first) {
    return [first = std::move(first)](int client) {
        first(client);
        wait_closed(client);
    };
}

ScriptedServer::Script numbers(std::vector<std::int64_t> each) {
    return [each = std::move(each)](int client) {
        for (const std::int64_t number : each) send_number(client, number);
    };
}

ScriptedServer::Script serve(SharedFd memory, int vectors) {
    return [memory = std::move(memory), vectors](int client) {
        send_handshake(client, 0, memory ? memory->get() : -1);
        send_vectors(client, 0, vectors);
    };
}

// One vector more than asked for. The second's first half comes with the first: a reader that
// stops between messages cannot miss it.
ScriptedServer::Script serve_one_more(SharedFd memory) {
    return [memory = std::move(memory)](int client) {
        send_handshake(client, 0, memory->get());
        const std::string number(sizeof(std::int64_t), '\0');  // the client's own id
        try {
            send_all(client, number + number.substr(4), soon(), eventfd_descriptor().get());
            send_all(client, number.substr(4), soon(), eventfd_descriptor().get());
        } catch (const std::exception&) {
            return;  // the client has left
        }
    };
}

void add_those_that_end(std::vector<BadServerKind>& kinds, const SharedFd& memory) {
    kinds.push_back({"closes at once", [](int) {}});
    kinds.push_back({"closes after the version", numbers({0})});
    kinds.push_back({"closes after the id", numbers({0, 0})});
    kinds.push_back({"closes after the memory", serve(memory, 0)});
    kinds.push_back({"closes within a message", half_a_message});
}

void add_those_with_bad_memory(std::vector<BadServerKind>& kinds) {
    const auto add = [&](const std::string& name, SharedFd memory) {
        kinds.push_back({name, then_wait(serve(std::move(memory), 1))});
    };
    add("gives no memory", nullptr);
    add("gives a pipe", pipe_end());
    add("gives a directory", share(FileDescriptor(::open("/", O_RDONLY | O_CLOEXEC))));
    add("gives three mebibytes", share(shared_memory(3 * mebibyte)));
    add("gives an empty file", share(shared_memory(0)));
}

void add_those_that_say_wrong_things(std::vector<BadServerKind>& kinds, const SharedFd& memory) {
    kinds.push_back({"speaks another version", then_wait(numbers({1}))});
    kinds.push_back({"gives an id out of range", then_wait(numbers({0, 70000}))});
    kinds.push_back({"gives something else for the memory", then_wait([memory](int client) {
                         numbers({0, 0})(client);
                         send_number(client, 5, memory->get());
                     })});
    kinds.push_back({"gives two descriptors", then_wait([memory](int client) {
                         numbers({0, 0})(client);
                         send_memory_twice(client, memory->get());
                     })});
    kinds.push_back({"gives more vectors", then_wait(serve_one_more(memory))});
}

void add_those_without_end(std::vector<BadServerKind>& kinds, const SharedFd& memory) {
    kinds.push_back({"is silent", wait_closed});
    kinds.push_back({"stops within a message", then_wait(half_a_message)});
    kinds.push_back({"comes late", then_wait([memory](int client) {
                         std::this_thread::sleep_for(3500ms);
                         serve(memory, 1)(client);
                     })});
    kinds.push_back({"floods with noise", [](int client) {
                         const std::string noise(1 << 16, 'x');
                         flood(client, noise.data(), noise.size());
                     }});
    kinds.push_back({"floods with peers", [memory](int client) {
                         send_handshake(client, 0, memory->get());
                         const std::array<char, 8> peer_one{1};
                         flood(client, peer_one.data(), peer_one.size());
                     }});
}

}  // namespace

std::vector<BadServerKind> bad_servers() {
    const SharedFd memory = share(shared_memory(mebibyte));
    std::vector<BadServerKind> kinds;
    add_those_that_end(kinds, memory);
    add_those_with_bad_memory(kinds);
    add_those_that_say_wrong_things(kinds, memory);
    add_those_without_end(kinds, memory);
    return kinds;
}

}  // namespace ivshmemd::test
