#include "daemon/relay/server_connection.h"

#include <fcntl.h>
#include <sys/socket.h>

#include <array>

#include "tests/daemon/relay/server_connection_fixture.h"

// Servers that no QEMU is to hear of.

namespace ivshmemd::test {
namespace {

class ServerRefusal : public ServerConnectionTest {};

TEST_F(ServerRefusal, RefusesWhatListensNotOrIsNoSocket) {
    EXPECT_EQ(std::get<std::string>(meet(terms()).error().details[0].second),
              "No such file or directory");
    const FileDescriptor file(::open(terms().path.c_str(), O_CREAT | O_CLOEXEC | O_RDWR, 0600));
    EXPECT_EQ(std::get<std::string>(meet(terms()).error().details[0].second),
              "nothing listens there");
}

TEST_F(ServerRefusal, RefusesAServerThatBreaksOffAnywhere) {
    const FileDescriptor memory = shared_memory(server_memory);
    EXPECT_NE(refusal([](int) {}), "");
    EXPECT_NE(refusal([](int client) { send_number(client, 0); }), "");
    EXPECT_NE(refusal([](int client) {
                  send_number(client, 0);
                  send_number(client, 0);
              }),
              "");
    EXPECT_EQ(refusal([&](int client) { send_handshake(client, 0, memory.get()); }),
              "it closed the connection; it gave 0 of the 2 vectors asked for");
    EXPECT_NE(refusal([](int client) { ::send(client, "\0\0\0", 3, 0); }), "");
}

TEST_F(ServerRefusal, RefusesASilentServerWithinTheDeadline) {
    const FileDescriptor memory = shared_memory(server_memory);
    const auto begin = SteadyClock::now();
    EXPECT_EQ(refusal(wait_closed), "it fell silent before the version");
    EXPECT_LT(SteadyClock::now() - begin, 10 * deadline_);
    EXPECT_NE(refusal([](int client) {
                  ::send(client, "\0\0\0", 3, 0);
                  wait_closed(client);
              }),
              "");
    EXPECT_EQ(refusal([&](int client) {
                  send_handshake(client, 0, memory.get());
                  send_vectors(client, 0, 1);
                  wait_closed(client);
              }),
              "it fell silent; it gave 1 of the 2 vectors asked for; ask for as many as it gives");
}

TEST_F(ServerRefusal, RefusesAnotherProtocol) {
    const FileDescriptor memory = shared_memory(server_memory);
    const auto says = [](std::initializer_list<std::int64_t> numbers, int fd) {
        return [numbers = std::vector<std::int64_t>(numbers), fd](int client) {
            for (const std::int64_t each : numbers) {
                send_number(client, each, &each == &numbers.back() ? fd : -1);
            }
            wait_closed(client);
        };
    };
    EXPECT_NE(refusal(says({1, 0, -1}, memory.get())), "");
    EXPECT_NE(refusal(says({0, 65536, -1}, memory.get())), "");
    EXPECT_NE(refusal(says({0, -5, -1}, memory.get())), "");
    EXPECT_NE(refusal(says({0, 0, 7}, memory.get())), "");
    EXPECT_NE(refusal(says({0, 0, -1}, -1)), "");
}

TEST_F(ServerRefusal, RefusesTwoDescriptorsInOneMessage) {
    const FileDescriptor memory = shared_memory(server_memory);
    EXPECT_NE(refusal([&](int client) {
                  send_number(client, 0);
                  send_number(client, 0);
                  send_memory_twice(client, memory.get());
                  wait_closed(client);
              }),
              "");
}

TEST_F(ServerRefusal, RefusesMemoryThatWouldKillQemu) {
    std::array<int, 2> pipe{};
    ASSERT_EQ(::pipe2(pipe.data(), O_CLOEXEC), 0);
    const FileDescriptor reader(pipe[0]);
    const FileDescriptor writer(pipe[1]);
    const FileDescriptor folder(::open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    EXPECT_EQ(refusal_of_memory(reader.get()), "what it sends as memory is a pipe");
    EXPECT_EQ(refusal_of_memory(folder.get()), "what it sends as memory is a directory");
    for (const std::uint64_t size : {std::uint64_t{0}, 3 * server_memory, server_memory + 4096,
                                     std::uint64_t{2048}, 32 * server_memory}) {
        EXPECT_NE(refusal_of_memory(shared_memory(size).get()), "") << size;
    }
    const std::string path = directory_ / "file";
    const FileDescriptor file(::open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600));
    ASSERT_EQ(::ftruncate(file.get(), server_memory), 0);
    const FileDescriptor read_only(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    EXPECT_EQ(refusal_of_memory(read_only.get()), "its memory cannot be written to");
    EXPECT_EQ(refusal_of_memory(file.get()), "");
}

TEST_F(ServerRefusal, EndsAFloodOfPeers) {
    const FileDescriptor memory = shared_memory(server_memory);
    deadline_ = Milliseconds(20000);
    EXPECT_EQ(refusal([&](int client) {
                  send_handshake(client, 0, memory.get());
                  for (int i = 0; i < 9000; ++i) send_number(client, 1 + i % 60000);
                  wait_closed(client);
              }),
              "it announces peers without end");
}

}  // namespace
}  // namespace ivshmemd::test
