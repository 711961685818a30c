#include <gmock/gmock.h>

#include "tests/daemon/relay/relay_fixture.h"

// Announcements cost QEMU descriptors.

namespace ivshmemd::test {
namespace {

class RelayRoom : public RelayFixture {};

// A QEMU without a free descriptor takes the announcement for a departure.
TEST_F(RelayRoom, TellsQemuOfNoPeerThatItHasNoRoomFor) {
    for (const Room room : {Room::none, Room::unknown}) {
        make();
        room_ = room;
        asked_.clear();
        start();
        announce(3);
        announce(3);
        EXPECT_FALSE(hear());
        EXPECT_FALSE(asked_.empty());
        EXPECT_EQ(relay_->crowded_out(), room == Room::none ? 1u : 0u) << "peers, not vectors";
        EXPECT_EQ(crowded_, 1) << "said once, and only of a QEMU that is full";
        room_ = Room::enough;
        std::optional<Heard> heard;
        ASSERT_TRUE(loop_.run_until([&] { return (heard = hear()).has_value(); }));
        EXPECT_EQ(heard->number, 3);
        EXPECT_TRUE(hear());
        EXPECT_EQ(relay_->crowded_out(), 0u);
    }
}

TEST_F(RelayRoom, AsksForWhatTheHandshakeDidNotAnnounce) {
    std::deque<ServerMessage> announced;
    for (const int id : {7, 7}) {
        announced.push_back({doorbell::encode(id), UniqueFd(eventfd_descriptor().release())});
    }
    make(std::move(announced));
    EXPECT_EQ(relay_->outstanding(), 2u);
    start();
    ASSERT_TRUE(hear() && hear());
    EXPECT_EQ(relay_->outstanding(), 0u);
    EXPECT_THAT(asked_, ::testing::IsEmpty())
        << "there was room for these when QEMU got the device";
    announce(3);
    ASSERT_TRUE(hear());
    EXPECT_THAT(asked_, ::testing::ElementsAre(1));
}

TEST_F(RelayRoom, CountsWhatQemuHasNotReadYet) {
    make();
    start();
    announce(3);
    ASSERT_TRUE(loop_.run_until([this] { return relay_->outstanding() == 1; }));
    announce(4);
    ASSERT_TRUE(loop_.run_until([this] { return relay_->outstanding() == 2; }));
    ASSERT_TRUE(hear() && hear());
    EXPECT_EQ(relay_->outstanding(), 0u);
}

// It would have cost QEMU descriptors, and nobody could have been rung by them.
TEST_F(RelayRoom, SparesQemuAPeerThatLeftBeforeQemuHeardOfIt) {
    make();
    relay_->hold_back(true);
    start();
    announce(3);
    send_number(server_.get(), 3);
    announce(4);
    announce(4);
    ASSERT_TRUE(loop_.run_until([this] { return relay_->passed() == 2; }));
    relay_->hold_back(false);
    for (int vector = 0; vector < 2; ++vector) EXPECT_EQ(hear()->number, 4);
    EXPECT_FALSE(hear());
    const int own = announce(3);
    const auto back = hear();
    ASSERT_TRUE(back) << "QEMU knows nothing of that id";
    EXPECT_EQ(back->number, 3);
    EXPECT_TRUE(same_file(own, back->fd.get()));
}

}  // namespace
}  // namespace ivshmemd::test
