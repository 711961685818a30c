#include "daemon/relay/server_connection.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <future>
#include <optional>
#include <thread>

#include "tests/daemon/loop.h"
#include "tests/support/scripted_server.h"
#include "tests/support/temp_dir.h"

namespace ivshmemd::test {
namespace {

constexpr std::uint64_t mebibyte = 1 << 20;

class ServerConnectionTest : public ::testing::Test {
  protected:
    ServerTerms terms(std::optional<std::uint32_t> vectors = 2) const {
        ServerTerms terms;
        terms.path = directory_ / "server";
        terms.trust.daemon = ::geteuid();
        terms.vectors = vectors;
        terms.size_limit = 16 * mebibyte;
        return terms;
    }

    Result<ServerConnection> meet(const ServerTerms& terms) {
        return loop_.run(connect_to_server(loop_.executor(), terms, deadline_));
    }

    /// Why a server of this kind is refused; empty when it is not.
    std::string refusal(ScriptedServer::Script script, std::optional<std::uint32_t> vectors = 2) {
        const ScriptedServer server(directory_ / "server", std::move(script));
        const Result<ServerConnection> met = meet(terms(vectors));
        if (met) return "";
        EXPECT_EQ(met.error().kind, ErrorKind::server_unusable);
        return std::get<std::string>(met.error().details.at(0).second);
    }

    /// A server that is well behaved but for its memory.
    std::string refusal_of_memory(int memory) {
        return refusal([&](int client) {
            send_handshake(client, 0, memory);
            send_vectors(client, 0, 2);
            wait_closed(client);
        });
    }

    Loop loop_;
    TempDir directory_;
    Milliseconds deadline_{300};
};

TEST_F(ServerConnectionTest, TakesIdMemoryAndVectors) {
    const FileDescriptor memory = shared_memory(mebibyte);
    const ScriptedServer server(directory_ / "server", [&](int client) {
        send_handshake(client, 3, memory.get());
        send_vectors(client, 1, 2);
        send_vectors(client, 3, 2);
        wait_closed(client);
    });
    const Result<ServerConnection> met = meet(terms());
    ASSERT_TRUE(met) << met.error().message;
    EXPECT_EQ(met->id, 3);
    EXPECT_EQ(met->size, mebibyte);
    EXPECT_EQ(met->announced.size(), 4u);
    EXPECT_TRUE(met->sealed);
    EXPECT_NE(::ftruncate(memory.get(), 2 * mebibyte), 0) << "the seal holds for the server too";
}

TEST_F(ServerConnectionTest, AcceptsMemoryThatCannotBeSealedAndSaysSo) {
    const FileDescriptor memory = shared_memory(mebibyte, F_SEAL_SEAL);
    const ScriptedServer server(directory_ / "server", [&](int client) {
        send_handshake(client, 0, memory.get());
        send_vectors(client, 0, 2);
        wait_closed(client);
    });
    const Result<ServerConnection> met = meet(terms());
    ASSERT_TRUE(met) << met.error().message;
    EXPECT_FALSE(met->sealed);
}

TEST_F(ServerConnectionTest, RefusesWhatListensNotOrIsNoSocket) {
    EXPECT_EQ(std::get<std::string>(meet(terms()).error().details[0].second),
              "No such file or directory");
    const FileDescriptor file(::open(terms().path.c_str(), O_CREAT | O_CLOEXEC | O_RDWR, 0600));
    EXPECT_EQ(std::get<std::string>(meet(terms()).error().details[0].second),
              "nothing listens there");
}

TEST_F(ServerConnectionTest, RefusesAServerThatBreaksOffAnywhere) {
    const FileDescriptor memory = shared_memory(mebibyte);
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

TEST_F(ServerConnectionTest, RefusesASilentServerWithinTheDeadline) {
    const FileDescriptor memory = shared_memory(mebibyte);
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

// What a daemon finds that was stopped (SIGSTOP) meanwhile: both are ready in the same turn of the
// loop, and the message comes first.
TEST_F(ServerConnectionTest, SurvivesADeadlineThatPassesBesideTheLastMessage) {
    const FileDescriptor memory = shared_memory(mebibyte);
    std::promise<void> stopped;
    std::promise<void> sent;
    const ScriptedServer server(directory_ / "server", [&](int client) {
        send_handshake(client, 0, memory.get());
        stopped.get_future().wait();
        send_vectors(client, 0, 2);
        sent.set_value();
        wait_closed(client);
    });
    const auto meeting = loop_.start(connect_to_server(loop_.executor(), terms(), deadline_));
    loop_.run_for(deadline_ / 3);
    ASSERT_FALSE(meeting->done);
    stopped.set_value();
    sent.get_future().wait();
    std::this_thread::sleep_for(deadline_);
    ASSERT_TRUE(loop_.run_until([&] { return meeting->done; }));
    EXPECT_TRUE(meeting->take());
    EXPECT_TRUE(loop_.run_out()) << "the deadline is gone with the conversation";
}

// What is there already when the last one asked for is read.
TEST_F(ServerConnectionTest, RefusesMoreVectorsThanAskedFor) {
    const FileDescriptor memory = shared_memory(mebibyte);
    std::promise<void> accepted, stopped, sent;
    const ScriptedServer server(directory_ / "server", [&](int client) {
        accepted.set_value();
        stopped.get_future().wait();
        send_handshake(client, 0, memory.get());
        send_vectors(client, 0, 3);
        sent.set_value();
        wait_closed(client);
    });
    const auto meeting =
        loop_.start(connect_to_server(loop_.executor(), terms(), Milliseconds(20000)));
    auto is_accepted = accepted.get_future();
    ASSERT_TRUE(loop_.run_until([&] {
        return is_accepted.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
    }));
    stopped.set_value();
    sent.get_future().wait();
    ASSERT_TRUE(loop_.run_until([&] { return meeting->done; }));
    const Result<ServerConnection> met = meeting->take();
    ASSERT_FALSE(met);
    EXPECT_EQ(std::get<std::string>(met.error().details.at(0).second),
              "it gives more vectors than the 2 asked for; ask for as many as it gives");
}

TEST_F(ServerConnectionTest, TakesAsManyVectorsAsItGivesWhereNoneAreAskedFor) {
    const FileDescriptor memory = shared_memory(mebibyte);
    for (const std::uint32_t count : {1u, 2u, 5u}) {
        const ScriptedServer server(directory_ / "server", [&](int client) {
            send_handshake(client, 3, memory.get());
            send_vectors(client, 1, 2);
            for (std::uint32_t each = 0; each < count; ++each) {
                send_vectors(client, 3, 1);
                std::this_thread::sleep_for(Milliseconds(20));  // a busy host
            }
            wait_closed(client);
        });
        const Result<ServerConnection> met = meet(terms(std::nullopt));
        ASSERT_TRUE(met) << met.error().message;
        EXPECT_EQ(met->vectors, count);
        EXPECT_EQ(met->announced.size(), 2u + count);
    }
}

TEST_F(ServerConnectionTest, RefusesAServerWithoutVectorsOrWithoutEnd) {
    const FileDescriptor memory = shared_memory(mebibyte);
    const auto giving = [&](int vectors) {
        return [&memory, vectors](int client) {
            send_handshake(client, 0, memory.get());
            const FileDescriptor event = eventfd_descriptor();
            for (int i = 0; i < vectors; ++i) send_number(client, 0, event.get());
            wait_closed(client);
        };
    };
    EXPECT_EQ(refusal(giving(0), std::nullopt), "it fell silent; it gave 0 vectors");
    deadline_ = Milliseconds(20000);
    EXPECT_EQ(refusal(giving(2048), std::nullopt), "");
    EXPECT_EQ(refusal(giving(2049), std::nullopt), "it gives more than 2048 vectors");
    EXPECT_EQ(refusal(
                  [&](int client) {
                      send_handshake(client, 0, memory.get());
                      send_vectors(client, 0, 2);
                  },
                  std::nullopt),
              "it closed the connection; it gave 2 vectors");
}

// A daemon that was stopped (SIGSTOP) has not waited for what was there all the time.
TEST_F(ServerConnectionTest, CountsVectorsThatCameWhileItWasStopped) {
    const FileDescriptor memory = shared_memory(mebibyte);
    std::promise<void> stopped;
    std::promise<void> sent;
    deadline_ = Milliseconds(3000);
    const ScriptedServer server(directory_ / "server", [&](int client) {
        send_handshake(client, 0, memory.get());
        send_vectors(client, 0, 1);
        stopped.get_future().wait();
        send_vectors(client, 0, 1);
        sent.set_value();
        wait_closed(client);
    });
    const auto meeting =
        loop_.start(connect_to_server(loop_.executor(), terms(std::nullopt), deadline_));
    loop_.run_for(Milliseconds(40));
    ASSERT_FALSE(meeting->done);
    stopped.set_value();
    sent.get_future().wait();
    std::this_thread::sleep_for(Milliseconds(300));
    ASSERT_TRUE(loop_.run_until([&] { return meeting->done; }));
    const Result<ServerConnection> met = meeting->take();
    ASSERT_TRUE(met) << met.error().message;
    EXPECT_EQ(met->vectors, 2u);
}

TEST_F(ServerConnectionTest, RefusesAnotherProtocol) {
    const FileDescriptor memory = shared_memory(mebibyte);
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

TEST_F(ServerConnectionTest, RefusesTwoDescriptorsInOneMessage) {
    const FileDescriptor memory = shared_memory(mebibyte);
    EXPECT_NE(refusal([&](int client) {
                  send_number(client, 0);
                  send_number(client, 0);
                  send_memory_twice(client, memory.get());
                  wait_closed(client);
              }),
              "");
}

TEST_F(ServerConnectionTest, RefusesMemoryThatWouldKillQemu) {
    std::array<int, 2> pipe{};
    ASSERT_EQ(::pipe2(pipe.data(), O_CLOEXEC), 0);
    const FileDescriptor reader(pipe[0]);
    const FileDescriptor writer(pipe[1]);
    const FileDescriptor folder(::open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    EXPECT_EQ(refusal_of_memory(reader.get()), "what it sends as memory is a pipe");
    EXPECT_EQ(refusal_of_memory(folder.get()), "what it sends as memory is a directory");
    for (const std::uint64_t size :
         {std::uint64_t{0}, 3 * mebibyte, mebibyte + 4096, std::uint64_t{2048}, 32 * mebibyte}) {
        EXPECT_NE(refusal_of_memory(shared_memory(size).get()), "") << size;
    }
    const std::string path = directory_ / "file";
    const FileDescriptor file(::open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600));
    ASSERT_EQ(::ftruncate(file.get(), mebibyte), 0);
    const FileDescriptor read_only(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    EXPECT_EQ(refusal_of_memory(read_only.get()), "its memory cannot be written to");
    EXPECT_EQ(refusal_of_memory(file.get()), "");
}

TEST_F(ServerConnectionTest, EndsAFloodOfPeers) {
    const FileDescriptor memory = shared_memory(mebibyte);
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
