#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <deque>

#include "tests/support/doorbell_peer.h"
#include "tests/support/doorbell_server.h"
#include "tests/support/qemu_vm.h"
#include "tests/support/unix_socket.h"

namespace ivshmemd::test {
namespace {

using Numbers = std::vector<std::int64_t>;

TEST(DoorbellServer, GreetsWithVersionIdAndMemory) {
    const DoorbellServer server({"--size", "1M"});
    const DoorbellPeer peer(server.socket());
    EXPECT_EQ(peer.id(), 0);
    struct stat memory {};
    ASSERT_EQ(::fstat(peer.memory(), &memory), 0);
    EXPECT_EQ(memory.st_size, 1 << 20);
    EXPECT_NE(::fcntl(peer.memory(), F_GET_SEALS) & F_SEAL_SHRINK, 0);
}

TEST(DoorbellServer, GivesThePeersOneMemory) {
    const DoorbellServer server;
    const DoorbellPeer first(server.socket());
    const DoorbellPeer second(server.socket());
    ASSERT_EQ(::pwrite(first.memory(), "hello", 5, 100), 5);
    char text[6] = "";
    ASSERT_EQ(::pread(second.memory(), text, 5, 100), 5);
    EXPECT_STREQ(text, "hello");
}

TEST(DoorbellServer, TellsANewcomerOfTheOthersFirstAndOfItselfLast) {
    const DoorbellServer server({"--vectors", "2"});
    DoorbellPeer first(server.socket());
    ASSERT_TRUE(first.wait_vectors(0, 2));
    EXPECT_EQ(first.numbers(), (Numbers{0, 0}));
    DoorbellPeer second(server.socket());
    DoorbellPeer third(server.socket());
    ASSERT_TRUE(third.wait_vectors(2, 2));
    EXPECT_EQ(third.numbers(), (Numbers{0, 0, 1, 1, 2, 2}));
    ASSERT_TRUE(first.wait_vectors(2, 2));
    EXPECT_EQ(first.numbers(), (Numbers{0, 0, 1, 1, 2, 2}));
}

TEST(DoorbellServer, ConnectsEveryVectorOfEveryPairOfPeers) {
    constexpr size_t vectors = 3;
    const DoorbellServer server({"--vectors", "3"});
    std::deque<DoorbellPeer> peers;
    for (int i = 0; i < 4; ++i) peers.emplace_back(server.socket());
    for (DoorbellPeer& peer : peers) {
        for (const DoorbellPeer& other : peers) ASSERT_TRUE(peer.wait_vectors(other.id(), vectors));
    }
    for (const DoorbellPeer& from : peers) {
        for (const DoorbellPeer& to : peers) {
            for (size_t vector = 0; vector < vectors; ++vector) {
                from.ring(to.id(), vector);
                EXPECT_TRUE(to.wait_ring(vector)) << from.id() << " to " << to.id();
            }
        }
    }
    for (const DoorbellPeer& peer : peers) {
        for (size_t vector = 0; vector < vectors; ++vector) {
            EXPECT_FALSE(peer.wait_ring(vector, Deadline::after({}))) << "rung for somebody else";
        }
    }
}

TEST(DoorbellServer, TellsTheOthersWhoLeft) {
    const DoorbellServer server;
    DoorbellPeer first(server.socket());
    DoorbellPeer second(server.socket());
    DoorbellPeer third(server.socket());
    for (DoorbellPeer* peer : {&first, &third}) ASSERT_TRUE(peer->wait_vectors(1, 1));
    second.disconnect();
    EXPECT_TRUE(first.wait_gone(1));
    EXPECT_TRUE(third.wait_gone(1));
    EXPECT_EQ(first.numbers().back(), 1);
}

TEST(DoorbellServer, TellsOfAPeerThatStaysForAMomentOnly) {
    const DoorbellServer server;
    DoorbellPeer witness(server.socket());
    ASSERT_TRUE(witness.wait_vectors(0, 1));
    for (int i = 0; i < 100; ++i) {
        DoorbellPeer(server.socket());
        ASSERT_TRUE(witness.wait_vectors(1, 1)) << i;
        ASSERT_TRUE(witness.wait_gone(1)) << i;
    }
}

TEST(DoorbellServer, GivesTheLowestFreeId) {
    const DoorbellServer server;
    std::deque<DoorbellPeer> peers;
    for (int i = 0; i < 5; ++i) EXPECT_EQ(peers.emplace_back(server.socket()).id(), i);
    for (const std::int64_t id : {3, 0, 1}) {
        ASSERT_TRUE(peers.back().wait_vectors(id, 1));
        peers[static_cast<size_t>(id)].disconnect();
        ASSERT_TRUE(peers.back().wait_gone(id));
    }
    EXPECT_EQ(DoorbellPeer(server.socket()).id(), 0) << "the next master";
    EXPECT_TRUE(peers.back().wait_vectors(0, 1));
    EXPECT_TRUE(peers.back().wait_gone(0));
    DoorbellPeer again(server.socket()), next(server.socket()), last(server.socket());
    EXPECT_EQ((Numbers{again.id(), next.id(), last.id()}), (Numbers{0, 1, 3}));
}

TEST(DoorbellServer, RefusesPeersOverItsLimitWithAVersionThatQemuGivesUpOn) {
    DoorbellServer server({"--peers", "2"});
    const DoorbellPeer first(server.socket());
    DoorbellPeer second(server.socket());
    const FileDescriptor refused = connect_unix(server.socket(), soon());
    const auto answer = DoorbellPeer::read_message(refused.get(), soon());
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->number, -1);
    EXPECT_FALSE(answer->descriptor);
    EXPECT_FALSE(DoorbellPeer::read_message(refused.get(), soon())) << "and is then closed";
    EXPECT_NE(server.process().err().find("all 2 peers that --peers allows are there"),
              std::string::npos)
        << server.process().err();
    second.disconnect();
    EXPECT_TRUE(eventually(soon(), [&] {
        const FileDescriptor socket = connect_unix(server.socket(), soon());
        return DoorbellPeer::read_message(socket.get(), soon())->number == 0;
    })) << "there is room again";
}

TEST(DoorbellServer, LetsPeersGoOnWithoutIt) {
    DoorbellServer server;
    DoorbellPeer first(server.socket());
    DoorbellPeer second(server.socket());
    ASSERT_TRUE(first.wait_vectors(1, 1) && second.wait_vectors(1, 1));
    EXPECT_EQ(server.stop(), 0);
    EXPECT_TRUE(first.wait_closed());
    EXPECT_EQ(first.numbers(), (Numbers{0, 1})) << "nobody is said to have left";
    first.ring(1, 0);
    EXPECT_TRUE(second.wait_ring(0));
    EXPECT_NE(server.process().err().find("they keep ringing each other"), std::string::npos);
}

}  // namespace
}  // namespace ivshmemd::test
