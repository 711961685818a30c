#include <gtest/gtest.h>
#include <sys/socket.h>

#include <algorithm>
#include <deque>

#include "tests/support/doorbell_peer.h"
#include "tests/support/doorbell_server.h"
#include "tests/support/qemu_vm.h"
#include "tests/support/unix_socket.h"

namespace ivshmemd::test {
namespace {

using std::chrono::duration_cast;
using std::chrono::microseconds;
using std::chrono::steady_clock;

/// How long a whole handshake takes, to the newcomer's own vectors: the best of some, as the host
/// is busy with other things too.
microseconds handshake_time(const DoorbellServer& server, int attempts = 15) {
    microseconds best = microseconds::max();
    for (int i = 0; i < attempts; ++i) {
        const auto begin = steady_clock::now();
        DoorbellPeer peer(server.socket());
        if (!peer.wait_vectors(peer.id(), 1)) throw std::runtime_error("no vectors");
        best = std::min(best, duration_cast<microseconds>(steady_clock::now() - begin));
    }
    return best;
}

/// Connects and disconnects until this many messages have come for those who stay.
void make_news(const DoorbellServer& server, int messages) {
    for (int i = 0; i < messages / 2; ++i) DoorbellPeer peer(server.socket());
}

TEST(HostilePeer, IsDroppedWhenItSendsAnything) {
    DoorbellServer server;
    DoorbellPeer witness(server.socket());
    DoorbellPeer hostile(server.socket());
    ASSERT_TRUE(witness.wait_vectors(1, 1));
    send_all(hostile.socket(), "x", soon(), hostile.memory());
    EXPECT_TRUE(witness.wait_gone(1));
    EXPECT_TRUE(hostile.wait_closed());
    EXPECT_NE(server.process().err().find("peer 1 left: it sent data, which no client does"),
              std::string::npos)
        << server.process().err();
}

TEST(HostilePeer, IsDroppedWhenItClosesOnlyOneDirection) {
    const DoorbellServer server;
    DoorbellPeer witness(server.socket());
    for (const int direction : {SHUT_WR, SHUT_RDWR}) {
        DoorbellPeer hostile(server.socket());
        ASSERT_TRUE(witness.wait_vectors(1, 1));
        ::shutdown(hostile.socket(), direction);
        EXPECT_TRUE(witness.wait_gone(1)) << direction;
    }
    DoorbellPeer deaf(server.socket());
    ASSERT_TRUE(witness.wait_vectors(1, 1));
    ::shutdown(deaf.socket(), SHUT_RD);
    make_news(server, 2);  // the server learns it from the next message
    EXPECT_TRUE(witness.wait_gone(1));
}

TEST(HostilePeer, IsNoPeerWhenItIsGoneAtOnce) {
    const DoorbellServer server;
    DoorbellPeer witness(server.socket());
    for (int i = 0; i < 200; ++i) connect_unix(server.socket(), soon());
    DoorbellPeer last(server.socket());
    ASSERT_TRUE(witness.wait_vectors(last.id(), 1));
    EXPECT_TRUE(eventually(soon(), [&] {
        DoorbellPeer probe(server.socket());
        return probe.wait_vectors(probe.id(), 1) && probe.known().size() == 3;
    })) << "only the two that stay are known to a newcomer";
}

TEST(HostilePeer, DoesNotDelayOthersByReadingNothing) {
    const DoorbellServer server;
    const microseconds alone = handshake_time(server);
    std::deque<DoorbellPeer> stalled;
    for (int i = 0; i < 20; ++i) stalled.emplace_back(server.socket());
    const microseconds idle = handshake_time(server);
    make_news(server, 1000);  // more than their sockets hold
    const microseconds beside = handshake_time(server);
    EXPECT_LT(beside, std::max(alone, idle) + std::chrono::milliseconds(10));
    RecordProperty("alone_us", static_cast<int>(alone.count()));
    RecordProperty("beside_us", static_cast<int>(beside.count()));
}

// Without privileges the descriptors on their way to peers are limited, for all peers together.
TEST(HostilePeer, DoesNotUseUpTheDescriptorsThatMayBeOnTheirWay) {
    const TempDir dir;
    const std::string socket = dir / "doorbell.sock";
    Child server(Command{{"setpriv", "--bounding-set=-all", "prlimit", "--nofile=512:512",
                          DoorbellServer::program(), "--socket", socket, "--size", "64K", "--peers",
                          "30", "--patience", "1000", "--log-level", "off"}});
    std::deque<DoorbellPeer> stalled;
    for (int i = 0; i < 25; ++i) stalled.emplace_back(socket);
    for (int i = 0; i < 1000; ++i) DoorbellPeer{socket};
    const auto begin = steady_clock::now();
    DoorbellPeer peer(socket);
    EXPECT_TRUE(peer.wait_vectors(peer.id(), 1));
    EXPECT_EQ(peer.known().size(), 26U);
    EXPECT_LT(steady_clock::now() - begin, std::chrono::seconds(1));
}

TEST(HostilePeer, IsDroppedWhenItReadsNothingForTooLong) {
    DoorbellServer server({"--patience", "0.2"});
    DoorbellPeer witness(server.socket());
    DoorbellPeer stalled(server.socket());
    ASSERT_TRUE(witness.wait_vectors(1, 1));
    EXPECT_TRUE(eventually(soon(), [&] {
        make_news(server, 100);
        return witness.wait_gone(1, Deadline::after({}));
    }));
    EXPECT_NE(server.process().err().find("peer 1 left: it has read nothing for 200 ms"),
              std::string::npos)
        << server.process().err();
}

TEST(HostilePeer, KeepsItsPlaceWhileThereIsNothingToRead) {
    const DoorbellServer server({"--patience", "0.01"});
    DoorbellPeer patient(server.socket());
    DoorbellPeer witness(server.socket());
    ASSERT_TRUE(witness.wait_vectors(1, 1));
    EXPECT_FALSE(witness.wait_gone(0, Deadline::after(std::chrono::milliseconds(100))));
    ASSERT_TRUE(patient.wait_vectors(1, 1)) << "what came for it meanwhile is there";
}

TEST(HostilePeer, MissesWhatCameAndWentWhileItSlept) {
    const DoorbellServer server;
    DoorbellPeer sleeper(server.socket());
    make_news(server, 2000);
    DoorbellPeer last(server.socket());
    ASSERT_TRUE(sleeper.wait_known(last.id(), 2));
    EXPECT_LT(sleeper.numbers().size(), 1000U) << "it was not kept for it";
}

TEST(HostilePeer, CannotKeepOthersOutByFloodingTheSocket) {
    const DoorbellServer server({"--peers", "8"});
    std::vector<FileDescriptor> flood;
    for (int i = 0; i < 100; ++i) flood.push_back(connect_unix(server.socket(), soon()));
    for (const FileDescriptor& socket : flood) send_all(socket.get(), "", soon());
    flood.clear();
    EXPECT_TRUE(eventually(soon(), [&] {
        const FileDescriptor socket = connect_unix(server.socket(), soon());
        const auto version = DoorbellPeer::read_message(socket.get(), soon());
        return version && version->number == 0;
    }));
}

}  // namespace
}  // namespace ivshmemd::test
