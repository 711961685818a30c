#include "daemon/detach/detach.h"
#include "tests/daemon/vm/region_removal_fixture.h"

namespace ivshmemd::test {
namespace {

using testing::HasSubstr;

class DetachRegion : public RegionRemovalFixture {};

TEST_F(DetachRegion, TellsWhyItStays) {
    start();
    ASSERT_TRUE(attach_now(request("x")));
    const UniqueFd program(::open(region_path("x").c_str(), O_RDONLY | O_CLOEXEC));
    DetachRequest wanted = leave("x");
    wanted.remove_region = true;
    ASSERT_TRUE(detach_now(wanted));
    ASSERT_TRUE(wait_event(EventKind::detached, "x"));
    EXPECT_THAT(events_.back().detail, HasSubstr("the region stays"));
    EXPECT_TRUE(region_exists("x"));
}

TEST_F(DetachRegion, WaitsForAProgramThatLetsGoOfIt) {
    start();
    host_.deadlines.region_free = Milliseconds(15000);
    ASSERT_TRUE(attach_now(request("x")));
    UniqueFd program(::open(region_path("x").c_str(), O_RDONLY | O_CLOEXEC));
    DetachRequest wanted = leave("x");
    wanted.remove_region = true;
    const auto detaching = start_detach(wanted);
    ASSERT_TRUE(loop_.run_until([this] { return pc_.count("object-del") == 1; }));
    pass(Milliseconds(80));
    EXPECT_TRUE(region_exists("x"));
    EXPECT_FALSE(detaching->done) << "what becomes of the region is part of it";
    program.reset();
    ASSERT_TRUE(finish(detaching));
    ASSERT_TRUE(wait_event(EventKind::detached, "x"));
    EXPECT_FALSE(region_exists("x"));
    EXPECT_EQ(events_.back().detail, "");
}

// Whoever asked for it has been told that the device may leave later, and nothing of the region.
TEST_F(DetachRegion, GoesOnceItIsFreeWhenNobodyIsToldThatItStays) {
    start();
    ASSERT_TRUE(attach_now(request("x")));
    UniqueFd program(::open(region_path("x").c_str(), O_RDONLY | O_CLOEXEC));
    pc_.set_guest(FakePc::Guest::keeps);
    DetachRequest wanted = leave("x", Milliseconds(20));
    wanted.remove_region = true;
    ASSERT_EQ(*detach_now(wanted), Detached::pending);
    pc_.eject("ivshmemd.x");
    ASSERT_TRUE(wait_event(EventKind::detached, "x"));
    EXPECT_THAT(events_.back().detail, HasSubstr("the region stays"));
    EXPECT_TRUE(region_exists("x"));
    program.reset();
    EXPECT_TRUE(loop_.run_until([this] { return !region_exists("x"); }));
}

TEST_F(DetachRegion, GoesOnceItIsFreeWhenWhoAskedHasHeardOfALostConnection) {
    start();
    ASSERT_TRUE(attach_now(request("x")));
    UniqueFd program(::open(region_path("x").c_str(), O_RDONLY | O_CLOEXEC));
    pc_.set_guest(FakePc::Guest::keeps);
    DetachRequest wanted = leave("x");
    wanted.remove_region = true;
    const auto detaching = start_detach(wanted);
    ASSERT_TRUE(loop_.run_until([this] { return pc_.count("device_del") == 1; }));
    pc_.qemu().disconnect();
    ASSERT_FALSE(finish(detaching));
    ASSERT_TRUE(wait_state(VmState::connected));
    pc_.eject("ivshmemd.x");
    ASSERT_TRUE(wait_event(EventKind::detached, "x"));
    EXPECT_TRUE(region_exists("x"));
    program.reset();
    EXPECT_TRUE(loop_.run_until([this] { return !region_exists("x"); }));
}

// The removal was asked for, and the device left while this daemon did not see it.
TEST_F(DetachRegion, IsRemovedLaterOnlyOnceAllVmsHaveTold) {
    other_.hold("query-status");
    other_.listen(socket("b"));
    start();
    ASSERT_TRUE(attach_now(request("x")));
    pc_.set_guest(FakePc::Guest::keeps);
    DetachRequest wanted = leave("x", Milliseconds(20));
    wanted.remove_region = true;
    ASSERT_EQ(*detach_now(wanted), Detached::pending);
    const std::size_t deleted = pc_.count("object-del");
    pc_.hold("query-status");
    pc_.qemu().disconnect();
    ASSERT_TRUE(loop_.run_until([this] { return vm()->state() != VmState::connected; }));
    pc_.take_out("ivshmemd.x");
    pc_.release();
    ASSERT_TRUE(wait_state(VmState::connected));
    // Once the backend is deleted, the file has no user that anybody knows of but "b".
    ASSERT_TRUE(loop_.run_until([&] { return pc_.count("object-del") > deleted; }));
    ASSERT_TRUE(loop_.run_until([this] { return !vm()->turn().busy(); }));
    pass(Milliseconds(120));
    ASSERT_NE(vm("b")->state(), VmState::connected);
    EXPECT_TRUE(region_exists("x"));
    other_.release();
    EXPECT_TRUE(loop_.run_until([this] { return !region_exists("x"); }));
}

}  // namespace
}  // namespace ivshmemd::test
