#include "daemon/relay/server_connection.h"

#include <fcntl.h>

#include <future>
#include <thread>

#include "tests/daemon/relay/server_connection_fixture.h"

namespace ivshmemd::test {
namespace {

TEST_F(ServerConnectionTest, TakesIdMemoryAndVectors) {
    const FileDescriptor memory = shared_memory(server_memory);
    const ScriptedServer server(directory_ / "server", [&](int client) {
        send_handshake(client, 3, memory.get());
        send_vectors(client, 1, 2);
        send_vectors(client, 3, 2);
        wait_closed(client);
    });
    const Result<ServerConnection> met = meet(terms());
    ASSERT_TRUE(met) << met.error().message;
    EXPECT_EQ(met->id, 3);
    EXPECT_EQ(met->size, server_memory);
    EXPECT_EQ(met->announced.size(), 4u);
    EXPECT_TRUE(met->sealed);
    EXPECT_NE(::ftruncate(memory.get(), 2 * server_memory), 0)
        << "the seal holds for the server too";
}

TEST_F(ServerConnectionTest, AcceptsMemoryThatCannotBeSealedAndSaysSo) {
    const FileDescriptor memory = shared_memory(server_memory, F_SEAL_SEAL);
    const ScriptedServer server(directory_ / "server", [&](int client) {
        send_handshake(client, 0, memory.get());
        send_vectors(client, 0, 2);
        wait_closed(client);
    });
    const Result<ServerConnection> met = meet(terms());
    ASSERT_TRUE(met) << met.error().message;
    EXPECT_FALSE(met->sealed);
}

// What a daemon finds that was stopped (SIGSTOP) meanwhile: both are ready in the same turn of the
// loop, and the message comes first.
TEST_F(ServerConnectionTest, SurvivesADeadlineThatPassesBesideTheLastMessage) {
    const FileDescriptor memory = shared_memory(server_memory);
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

}  // namespace
}  // namespace ivshmemd::test
