#include "daemon/relay/server_connection.h"

#include <atomic>
#include <functional>
#include <future>
#include <thread>

#include "tests/daemon/relay/server_connection_fixture.h"

// How many vectors a server gives, whether a number is asked for or not.

namespace ivshmemd::test {
namespace {

class ServerVectors : public ServerConnectionTest {};

/// A server that says one part after another, each when the test says so. The clock is the test's:
/// a part has arrived before any time passes.
class SlowServer : public ServerConnectionTest {
  protected:
    using Part = std::function<void(int client)>;

    void start(std::vector<Part> parts) {
        parts_ = std::move(parts);
        loop_.own_time([this] { return said_ == wanted_; });
        server_.emplace(directory_ / "server", [this](int client) {
            for (const Part& part : parts_) {
                while (said_ == wanted_) wanted_.wait(said_);
                part(client);
                ++said_;
            }
            wait_closed(client);
        });
        meeting_ = loop_.start(
            connect_to_server(loop_.executor(), terms(std::nullopt), Milliseconds(3000)));
    }

    void say_next() {
        ++wanted_;
        wanted_.notify_all();
        loop_.pass(Milliseconds(0));
    }

    void TearDown() override {
        wanted_ = static_cast<int>(parts_.size());
        wanted_.notify_all();
    }

    std::uint32_t vectors() {
        if (!meeting_->done) return 0;
        const Result<ServerConnection> met = meeting_->take();
        EXPECT_TRUE(met) << met.error().message;
        return met ? met->vectors : 0;
    }

    FileDescriptor memory_ = shared_memory(server_memory);
    const Part one_vector_ = [](int client) { send_vectors(client, 3, 1); };
    std::vector<Part> parts_;
    std::atomic<int> said_ = 0;
    std::atomic<int> wanted_ = 0;
    std::shared_ptr<Loop::Pending<Result<ServerConnection>>> meeting_;
    std::optional<ScriptedServer> server_;  // last: its threads use the others
};

// Usually it has sent all it has to say before the first of it is read.
TEST_F(SlowServer, IsNotWaitedForWhileItIsQuick) {
    start({[this](int client) {
        send_handshake(client, 3, memory_.get());
        send_vectors(client, 3, 2);
    }});
    say_next();
    loop_.pass(Milliseconds(110));
    EXPECT_EQ(vectors(), 2u);
}

TEST_F(SlowServer, HasItsTimeForAsManyVectorsAsEarlierPeersHave) {
    start({[this](int client) {
               send_handshake(client, 3, memory_.get());
               send_vectors(client, 0, 3);
               send_vectors(client, 1, 3);
               send_vectors(client, 3, 1);
           },
           one_vector_, one_vector_});
    say_next();
    loop_.pass(Milliseconds(900));
    say_next();
    loop_.pass(Milliseconds(900));
    ASSERT_FALSE(meeting_->done);
    say_next();
    loop_.pass(Milliseconds(1000));
    EXPECT_EQ(vectors(), 3u);
}

TEST_F(SlowServer, IsGivenMoreTimeWhereItTookTimeBefore) {
    start({[](int client) { send_number(client, 0); },
           [this](int client) {
               send_number(client, 3);
               send_number(client, -1, memory_.get());
               send_vectors(client, 3, 1);
           },
           one_vector_});
    say_next();
    loop_.pass(Milliseconds(60));
    say_next();
    loop_.pass(Milliseconds(400));
    ASSERT_FALSE(meeting_->done) << "a tenth of a second is no pause to it";
    say_next();
    loop_.pass(Milliseconds(1000));
    EXPECT_EQ(vectors(), 2u);
}

// It may give fewer than others have; then that is what it gives.
TEST_F(SlowServer, IsNotWaitedForWithoutEnd) {
    start({[this](int client) {
        send_handshake(client, 3, memory_.get());
        send_vectors(client, 1, 4);
        send_vectors(client, 3, 1);
    }});
    say_next();
    loop_.pass(Milliseconds(900));
    ASSERT_FALSE(meeting_->done);
    loop_.pass(Milliseconds(200));
    EXPECT_EQ(vectors(), 1u);
}

// What is there already when the last one asked for is read.
TEST_F(ServerVectors, RefusesMoreVectorsThanAskedFor) {
    const FileDescriptor memory = shared_memory(server_memory);
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

TEST_F(ServerVectors, TakesAsManyVectorsAsItGivesWhereNoneAreAskedFor) {
    const FileDescriptor memory = shared_memory(server_memory);
    deadline_ = Milliseconds(20000);
    for (const std::uint32_t count : {1u, 2u, 5u}) {
        const ScriptedServer server(directory_ / "server", [&](int client) {
            send_handshake(client, 3, memory.get());
            send_vectors(client, 1, static_cast<int>(count));
            for (std::uint32_t each = 0; each < count; ++each) {
                send_vectors(client, 3, 1);
                std::this_thread::sleep_for(Milliseconds(20));  // a busy host
            }
            wait_closed(client);
        });
        const Result<ServerConnection> met = meet(terms(std::nullopt));
        ASSERT_TRUE(met) << met.error().message;
        EXPECT_EQ(met->vectors, count);
        EXPECT_EQ(met->announced.size(), 2 * count);
    }
}

TEST_F(ServerVectors, RefusesAServerWithoutVectorsOrWithoutEnd) {
    const FileDescriptor memory = shared_memory(server_memory);
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
TEST_F(ServerVectors, CountsVectorsThatCameWhileItWasStopped) {
    const FileDescriptor memory = shared_memory(server_memory);
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

}  // namespace
}  // namespace ivshmemd::test
