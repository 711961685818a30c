#include "tests/daemon/transaction/unfinished_fixture.h"

// The regions that such a change has made.

namespace ivshmemd::test {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

// Its daemon was killed after backends were made of it, and before any device.
TEST_F(UnfinishedChange, TakesBackARegionThatNoDeviceCameFor) {
    start();
    ASSERT_TRUE(attach_now(request("x")));
    ASSERT_TRUE(detach_now(leave("x")));
    made_by_change("x");
    leave_behind({"x"}, {});
    connect_again();
    ASSERT_TRUE(wait_forgotten());
    EXPECT_FALSE(region_exists("x"));
    EXPECT_THAT(host_.store->get().regions, IsEmpty());
}

TEST_F(UnfinishedChange, TakesBackARegionAfterItsQemuHasEnded) {
    start();
    ASSERT_TRUE(attach_now(request("x")));
    ASSERT_TRUE(detach_now(leave("x")));
    made_by_change("x");
    leave_behind({"x"}, {}, "another run");
    connect_again();
    ASSERT_TRUE(wait_forgotten());
    EXPECT_FALSE(region_exists("x"));
}

TEST_F(UnfinishedChange, LeavesARegionToTheOtherVmThatStillHasIt) {
    start_both();
    ASSERT_TRUE(attach_now(request("x"), "b"));
    made_by_change("x");
    leave_behind({"x"}, {});
    connect_again();
    ASSERT_TRUE(wait_forgotten());
    EXPECT_TRUE(region_exists("x"));
    EXPECT_EQ(change_of_region("x"), 0u) << "nobody is left to take it back";
}

// Meanwhile what was undone is not undone again.
TEST_F(UnfinishedChange, IsRememberedUntilAllVmsTellOfItsRegions) {
    host_.deadlines.region_told = Milliseconds(60);
    other_.hold("query-status");
    other_.listen(socket("b"));
    start();
    ASSERT_TRUE(attach_now(request("x")));
    made_by_change("x");
    leave_behind({"x"}, {});
    connect_again();
    ASSERT_TRUE(wait_event(EventKind::detached, "x"));
    pass(Milliseconds(1000));
    ASSERT_THAT(host_.store->get().changes, SizeIs(1));
    EXPECT_THAT(host_.store->get().changes[0].coming, IsEmpty());
    EXPECT_TRUE(region_exists("x"));
    other_.release();
    ASSERT_TRUE(wait_state(VmState::connected, "b"));
    connect_again();
    ASSERT_TRUE(wait_forgotten());
    EXPECT_FALSE(region_exists("x"));
}

TEST_F(UnfinishedChange, LeavesARegionThatWasUsedSince) {
    start();
    ASSERT_TRUE(attach_now(request("x")));
    ASSERT_TRUE(detach_now(leave("x")));
    made_by_change("x");
    leave_behind({"x"}, {});
    ASSERT_TRUE(attach_now(request("x")));
    ASSERT_TRUE(detach_now(leave("x")));
    connect_again();
    ASSERT_TRUE(wait_forgotten());
    EXPECT_TRUE(region_exists("x"));
}

}  // namespace
}  // namespace ivshmemd::test
