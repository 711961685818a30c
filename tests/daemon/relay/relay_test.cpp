#include "tests/daemon/relay/relay_fixture.h"

namespace ivshmemd::test {
namespace {

class RelayTest : public RelayFixture {};

TEST_F(RelayTest, KeepsWhatItMustNotPassOnYet) {
    make();
    relay_->hold_back(true);
    start();
    announce(3);
    ASSERT_TRUE(loop_.run_until([this] { return relay_->passed() == 1; }));
    EXPECT_FALSE(relay_->delivered());
    relay_->hold_back(false);
    ASSERT_TRUE(hear());
    EXPECT_TRUE(relay_->delivered());
}

TEST_F(RelayTest, PassesOnWhatWasAnnouncedBeforeAndAfterItsStart) {
    std::deque<ServerMessage> announced;
    announced.push_back({doorbell::encode(7), UniqueFd(eventfd_descriptor().release())});
    make(std::move(announced));
    const int own = announce(3);
    EXPECT_FALSE(hear()) << "it must not run before it is started";
    start();
    const auto first = hear();
    ASSERT_TRUE(first);
    EXPECT_EQ(first->number, 7);
    EXPECT_TRUE(first->fd);
    const auto second = hear();
    ASSERT_TRUE(second);
    EXPECT_EQ(second->number, 3);
    EXPECT_TRUE(same_file(own, second->fd.get()));
}

// QEMU frees the eventfds of a peer that leaves, and once more when the device is unplugged.
TEST_F(RelayTest, TellsQemuOfNoDeparture) {
    make();
    start();
    announce(1);
    ASSERT_TRUE(hear());
    send_number(server_.get(), 1);
    send_number(server_.get(), 1);
    send_number(server_.get(), 9);
    announce(2);
    const auto next = hear();
    ASSERT_TRUE(next);
    EXPECT_EQ(next->number, 2);
}

TEST_F(RelayTest, CarriesRingsToAPeerThatTookAnIdOver) {
    make();
    start();
    announce(1);
    announce(1);
    const auto vector0 = hear();
    const auto vector1 = hear();
    ASSERT_TRUE(vector0 && vector1);
    for (int round = 0; round < 3; ++round) {
        send_number(server_.get(), 1);
        const int new0 = announce(1);
        const int new1 = announce(1);
        EXPECT_FALSE(hear()) << "QEMU would use memory that it freed";
        EXPECT_TRUE(rings_through(vector0->fd.get(), new0));
        EXPECT_TRUE(rings_through(vector1->fd.get(), new1));
        EXPECT_TRUE(rings_through(vector0->fd.get(), new0));
    }
}

TEST_F(RelayTest, PassesOnNoMoreVectorsThanTheDeviceHas) {
    make();
    start();
    for (int i = 0; i < 3; ++i) announce(1);
    EXPECT_TRUE(hear());
    EXPECT_TRUE(hear());
    EXPECT_FALSE(hear());
}

TEST_F(RelayTest, SaysWhyTheServerIsLostAndClosesQemusSide) {
    make();
    start();
    server_.reset();
    ASSERT_TRUE(loop_.run_until([&] { return !ended_.empty(); }));
    EXPECT_EQ(ended_.front(), "it closed the connection");
    EXPECT_EQ(receive(qemu_.get(), soon())->bytes, "");
}

TEST_F(RelayTest, LosesAServerThatBreaksTheProtocol) {
    for (const std::int64_t number : {std::int64_t{-1}, std::int64_t{65536}, INT64_MIN}) {
        make();
        ended_.clear();
        start();
        send_number(server_.get(), number, eventfd_descriptor().get());
        ASSERT_TRUE(loop_.run_until([&] { return !ended_.empty(); }));
        EXPECT_EQ(ended_.front(), "it sent what is no announcement of a peer");
    }
}

TEST_F(RelayTest, LeavesTheServerQuietlyWhenQemuLetsGo) {
    make();
    start();
    qemu_.reset();
    ASSERT_TRUE(loop_.run_until([&] { return !ended_.empty(); }));
    EXPECT_EQ(ended_.front(), "");
    EXPECT_EQ(receive(server_.get(), soon())->bytes, "");
}

// The service manager keeps both for the next daemon; a loop that never runs out would keep this
// one.
TEST_F(RelayTest, LeavesBothConnectionsToWhoeverKeepsThem) {
    make();
    const FileDescriptor kept_server(::dup(relay_->server()));
    const FileDescriptor kept_qemu(::dup(relay_->qemu()));
    start();
    announce(1);
    ASSERT_TRUE(hear());
    relay_->leave();
    EXPECT_TRUE(loop_.run_out());
    EXPECT_TRUE(ended_.empty());
    send_number(server_.get(), 2);
    EXPECT_EQ(receive(kept_server.get(), soon())->bytes.size(), 8u);
    send_number(kept_qemu.get(), 2);
    EXPECT_EQ(receive(qemu_.get(), soon())->bytes.size(), 8u);
}

TEST_F(RelayTest, SeesTheServerEndWhileQemuDoesNotRead) {
    make({}, 2048);
    start();
    for (int id = 1; id < 600; ++id) {
        announce(id % 100 + 1);
        if (id % 50 == 0) loop_.run_for(std::chrono::milliseconds(5));
    }
    server_.reset();
    EXPECT_TRUE(loop_.run_until([&] { return !ended_.empty(); }));
}

TEST_F(RelayTest, PassesEverythingOnWhenNothingIsKnownOfBefore) {
    make({}, std::nullopt);
    start();
    for (int i = 0; i < 3; ++i) announce(1);
    EXPECT_TRUE(hear());
    EXPECT_TRUE(hear());
    EXPECT_TRUE(hear());
}

}  // namespace
}  // namespace ivshmemd::test
