#include "daemon/state/removals.h"
#include "tests/daemon/transaction/unfinished_fixture.h"

namespace ivshmemd::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

TEST_F(UnfinishedChange, IsOnDiskBeforeAnythingOfItReachesAQemu) {
    start_both();
    ASSERT_TRUE(attach_now(request("old")));
    other_.hold("object-add");
    std::vector<VmPlan> plans = attach_both(request("x"));
    plans[0].detach = {"old"};
    const auto running = start_run(plans);
    ASSERT_TRUE(loop_.run_until([&] { return other_.count("object-add") == 1; }));
    const std::vector<ChangeRecord> records = on_disk();
    ASSERT_THAT(records, SizeIs(2));
    EXPECT_THAT(records[0].coming, ElementsAre("x"));
    EXPECT_THAT(records[0].leaving, ElementsAre(spec_of("old")));
    EXPECT_EQ(records[1].vm, "b");
    EXPECT_EQ(change_of_region("x"), records[0].number) << "though b has joined it";
    other_.release();
    ASSERT_TRUE(finish(running));
    EXPECT_EQ(change_of_region("x"), 0u);
    EXPECT_THAT(on_disk(), IsEmpty());
}

// QEMU does not tell whether a device was asked for that is still there.
TEST_F(UnfinishedChange, HasItsRemovalsOnDiskBeforeTheyReachAQemu) {
    start_both();
    ASSERT_TRUE(attach_now(request("x")));
    ASSERT_TRUE(attach_now(request("x"), "b"));
    other_.hold("device_del");
    const auto running = start_run(detach_both("x"));
    ASSERT_TRUE(loop_.run_until([&] { return other_.count("device_del") == 1; }));
    const std::vector<RemovalIntent> intents = removal_intents(*host_.store, vm("b")->key());
    ASSERT_THAT(intents, SizeIs(1));
    EXPECT_EQ(intents[0].device, "x");
    EXPECT_FALSE(intents[0].remove_region);
    other_.release();
    ASSERT_TRUE(finish(running));
    EXPECT_THAT(removal_intents(*host_.store, vm("b")->key()), IsEmpty());
}

TEST_F(UnfinishedChange, BringsBackWhatLeavesOnlyAfterItsUndoing) {
    start();
    host_.deadlines.unplug_again = Milliseconds(20);
    ASSERT_TRUE(attach_now(request("left")));
    const DeviceSpec left = spec_of("left");
    pc_.set_guest(FakePc::Guest::keeps);
    loop_.run(save_intent(*host_.store, vm()->key(), left, false));
    leave_behind({}, {left});
    connect_again();
    ASSERT_TRUE(wait_forgotten());
    ASSERT_TRUE(loop_.run_until([this] { return pc_.count("device_del") > 0; }));
    pc_.eject("ivshmemd.left");
    ASSERT_TRUE(wait_event(EventKind::detached, "left"));
    ASSERT_TRUE(wait_device("left"));
    EXPECT_EQ(spec_of("left"), left);
}

TEST_F(UnfinishedChange, IsNoneOnceItHasFailedAndWasUndone) {
    start_both();
    other_.on("device_add", [](const nlohmann::json&) { return FakeQemu::error("X", "no"); });
    ASSERT_FALSE(run(attach_both(request("x"))));
    EXPECT_THAT(on_disk(), IsEmpty());
    expect_untouched();
}

TEST_F(UnfinishedChange, DoesNotCountWhatWasThereAsWhatItBrings) {
    start_both();
    ASSERT_TRUE(attach_now(request("x")));
    other_.hold("object-add");
    const auto running = start_run(attach_both(request("x")));
    ASSERT_TRUE(loop_.run_until([&] { return other_.count("object-add") == 1; }));
    const std::vector<ChangeRecord> records = on_disk();
    ASSERT_THAT(records, SizeIs(2));
    EXPECT_THAT(records[0].coming, IsEmpty());
    EXPECT_THAT(records[1].coming, ElementsAre("x"));
    other_.release();
    ASSERT_TRUE(finish(running));
}

TEST_F(UnfinishedChange, IsUndone) {
    start();
    ASSERT_TRUE(attach_now(request("stays")));
    ASSERT_TRUE(attach_now(request("left")));
    const DeviceSpec left = spec_of("left");
    ASSERT_TRUE(detach_now(leave("left")));
    ASSERT_TRUE(attach_now(request("came")));
    ASSERT_TRUE(attach_now(request("joined")));
    made_by_change("came");
    leave_behind({"came", "joined", "never"}, {left});
    connect_again();
    ASSERT_TRUE(wait_forgotten());
    ASSERT_TRUE(wait_device("left"));
    EXPECT_EQ(spec_of("left"), left);
    EXPECT_TRUE(has("stays"));
    EXPECT_FALSE(has("came") || has("joined"));
    EXPECT_FALSE(region_exists("came"));
    EXPECT_TRUE(region_exists("joined")) << "it was there before the change";
}

TEST_F(UnfinishedChange, LeavesWhatIsStillAsItWas) {
    start();
    ASSERT_TRUE(attach_now(request("x")));
    leave_behind({"x"}, {spec_of("x")});
    connect_again();
    ASSERT_TRUE(wait_forgotten());
    EXPECT_TRUE(has("x"));
    EXPECT_EQ(pc_.count("device_del"), 0u);
    EXPECT_THAT(host_.store->get().migrations, IsEmpty());
}

TEST_F(UnfinishedChange, TurnsAChangedDeviceBack) {
    start();
    ASSERT_TRUE(attach_now(request("x")));
    DeviceSpec before = spec_of("x");
    before.role = Role::master;
    leave_behind({"x"}, {before});
    connect_again();
    ASSERT_TRUE(wait_forgotten());
    ASSERT_TRUE(wait_device("x"));
    EXPECT_EQ(spec_of("x"), before);
}

TEST_F(UnfinishedChange, IsUndoneWhenTheGuestLetsGoLate) {
    start();
    ASSERT_TRUE(attach_now(request("left")));
    ASSERT_TRUE(attach_now(request("came")));
    pc_.set_guest(FakePc::Guest::keeps);
    DetachRequest asked = leave("left", Milliseconds(0));
    ASSERT_TRUE(detach_now(asked));
    leave_behind({"came"}, {spec_of("left")});
    connect_again();
    ASSERT_TRUE(
        loop_.run_until([this] { return vm()->device("came")->state == DeviceState::detaching; }));
    pc_.eject("ivshmemd.came");
    ASSERT_TRUE(wait_forgotten());
    pc_.eject("ivshmemd.left");
    ASSERT_TRUE(wait_event(EventKind::detached, "left"));
    EXPECT_TRUE(wait_device("left"));
    EXPECT_FALSE(has("came"));
}

TEST_F(UnfinishedChange, IsLeftAloneWhileItGoesOn) {
    start();
    ASSERT_TRUE(attach_now(request("x")));
    leave_behind({"x"}, {});
    host_.live_changes.insert(7);
    connect_again();
    pass(Milliseconds(1000));
    EXPECT_TRUE(has("x"));
    EXPECT_THAT(host_.store->get().changes, SizeIs(1));
}

TEST_F(UnfinishedChange, OfAQemuThatEndedIsForgotten) {
    start();
    ASSERT_TRUE(attach_now(request("x")));
    leave_behind({"x"}, {}, "another run");
    connect_again();
    ASSERT_TRUE(wait_forgotten());
    EXPECT_TRUE(has("x"));
    EXPECT_EQ(pc_.count("device_del"), 0u);
}

}  // namespace
}  // namespace ivshmemd::test
