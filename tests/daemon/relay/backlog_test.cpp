#include "daemon/relay/backlog.h"

#include <gtest/gtest.h>

#include "tests/support/unix_socket.h"

namespace ivshmemd::test {
namespace {

using std::chrono::milliseconds;

class BacklogTest : public ::testing::Test {
  protected:
    void announce(std::int64_t id, int vectors = 1) {
        for (int i = 0; i < vectors; ++i) backlog_.add({doorbell::encode(id), UniqueFd()});
    }
    std::size_t outstanding(bool read_all = true) { return backlog_.outstanding(read_all, now_); }

    Backlog backlog_;
    SteadyClock::time_point now_{milliseconds(1000000)};
};

TEST_F(BacklogTest, HasNoRoomUntilQemuWasAsked) {
    announce(3, 2);
    EXPECT_FALSE(backlog_.has_room(now_));
    EXPECT_EQ(backlog_.question(), 2u);
    EXPECT_FALSE(backlog_.answered(Room::enough, 2, now_));
    for (const bool more : {true, false}) {
        ASSERT_TRUE(backlog_.has_room(now_));
        backlog_.sent(true);
        EXPECT_EQ(backlog_.has_room(now_), more);
    }
    EXPECT_TRUE(backlog_.empty());
}

TEST_F(BacklogTest, DoesNotTakeLaterOnesForAskedFor) {
    announce(3);
    backlog_.answered(Room::enough, backlog_.question(), now_);
    announce(4, 3);
    backlog_.sent(true);
    EXPECT_FALSE(backlog_.has_room(now_));
    EXPECT_EQ(backlog_.question(), 3u);
}

TEST_F(BacklogTest, TakesAnOldAnswerForNone) {
    announce(3);
    backlog_.admit_all(now_);
    now_ += milliseconds(1999);
    EXPECT_TRUE(backlog_.has_room(now_));
    EXPECT_EQ(outstanding(), 1u);
    now_ += milliseconds(1);
    EXPECT_FALSE(backlog_.has_room(now_));
    EXPECT_EQ(outstanding(), 0u);
}

TEST_F(BacklogTest, AsksAFullQemuForOneAtATime) {
    announce(3, 40);
    EXPECT_EQ(backlog_.question(), 16u);
    EXPECT_TRUE(backlog_.answered(Room::none, 16, now_));
    EXPECT_FALSE(backlog_.has_room(now_));
    EXPECT_EQ(backlog_.question(), 1u);
    EXPECT_FALSE(backlog_.answered(Room::none, 1, now_)) << "that was known";
    EXPECT_FALSE(backlog_.answered(Room::unknown, 1, now_));
    EXPECT_EQ(backlog_.crowded_out(), 1u) << "not known is no room";
    EXPECT_FALSE(backlog_.answered(Room::enough, 1, now_));
    EXPECT_EQ(backlog_.question(), 1u) << "there may be none for the next";
    EXPECT_EQ(backlog_.crowded_out(), 1u);
    EXPECT_FALSE(backlog_.answered(Room::enough, 40, now_));
    EXPECT_EQ(backlog_.question(), 16u);
    EXPECT_EQ(backlog_.crowded_out(), 0u);
    EXPECT_TRUE(backlog_.answered(Room::none, 16, now_)) << "again";
}

TEST_F(BacklogTest, CountsPeersAndNotTheirVectors) {
    announce(3, 2);
    announce(4, 2);
    EXPECT_EQ(backlog_.crowded_out(), 0u) << "nobody was asked";
    backlog_.answered(Room::none, 4, now_);
    EXPECT_EQ(backlog_.crowded_out(), 2u);
    EXPECT_EQ(backlog_.drop(3), 2u);
    EXPECT_EQ(backlog_.drop(3), 0u);
    EXPECT_EQ(backlog_.crowded_out(), 1u);
    EXPECT_EQ(backlog_.size(), 2u);
}

TEST_F(BacklogTest, CountsWhatWasSentUntilQemuHasReadAll) {
    announce(3, 4);
    backlog_.answered(Room::enough, 4, now_);
    EXPECT_EQ(outstanding(), 4u);
    backlog_.sent(true);
    EXPECT_EQ(outstanding(false), 4u);
    EXPECT_EQ(outstanding(true), 3u);
    backlog_.sent(false);
    EXPECT_EQ(outstanding(false), 4u) << "neither may have been read";
    backlog_.sent(true);
    EXPECT_EQ(outstanding(false), 2u) << "the first two were";
    backlog_.drop(3);
    EXPECT_EQ(outstanding(true), 0u) << "nobody will send it";
}

}  // namespace
}  // namespace ivshmemd::test
