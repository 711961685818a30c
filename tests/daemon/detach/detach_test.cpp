#include "daemon/detach/detach.h"

#include "daemon/state/removals.h"
#include "tests/daemon/vm/operation_fixture.h"

namespace ivshmemd::test {
namespace {

class Detach : public DetachFixture {};

TEST_F(Detach, RemovesDeviceAndBackendAndKeepsTheRegion) {
    start_with_device(FakePc::Guest::lets_go);
    const Result<Detached> result = detach_now(leave("x"));
    ASSERT_TRUE(result) << result.error().message;
    EXPECT_EQ(*result, Detached::removed);
    EXPECT_FALSE(pc_.has_device("ivshmemd.x"));
    EXPECT_FALSE(pc_.has_backend("ivshmemd.x.mem"));
    EXPECT_TRUE(region_exists("x"));
    EXPECT_TRUE(vm()->devices().empty());
    EXPECT_EQ(count_events(EventKind::detaching, "x"), 1u);
    EXPECT_EQ(count_events(EventKind::detached, "x"), 1u);
    EXPECT_EQ(count_events(EventKind::vanished), 0u);
}

TEST_F(Detach, RemovesARegionOfItsOwnOnRequest) {
    start_with_device(FakePc::Guest::lets_go);
    DetachRequest wanted = leave("x");
    wanted.remove_region = true;
    ASSERT_TRUE(detach_now(wanted));
    EXPECT_TRUE(loop_.run_until([this] { return !region_exists("x"); }));
    EXPECT_TRUE(loop_.run_until([this] { return host_.store->get().regions.empty(); }));
}

TEST_F(Detach, KeepsARegionThatAnotherVmUses) {
    other_.listen(socket("b"));
    start_with_device(FakePc::Guest::lets_go);
    ASSERT_TRUE(wait_state(VmState::connected, "b"));
    DeviceRequest second = request("y");
    second.region = "x";
    ASSERT_TRUE(attach_now(second, "b"));
    DetachRequest wanted = leave("x");
    wanted.remove_region = true;
    ASSERT_TRUE(detach_now(wanted));
    ASSERT_TRUE(wait_event(EventKind::detached, "x"));
    EXPECT_TRUE(region_exists("x")) << "VM b still maps it";
}

TEST_F(Detach, KeepsARegionItDidNotMake) {
    start();
    ASSERT_TRUE(host_.regions.create("x", mebibyte, 0));
    ASSERT_TRUE(attach_now(request("x")));
    DetachRequest wanted = leave("x");
    wanted.remove_region = true;
    ASSERT_TRUE(detach_now(wanted));
    ASSERT_TRUE(wait_event(EventKind::detached, "x"));
    EXPECT_TRUE(region_exists("x"));
}

TEST_F(Detach, RefusesTheNameOfADeviceThatIsLeaving) {
    start_with_device(FakePc::Guest::keeps);
    ASSERT_TRUE(detach_now(leave("x", Milliseconds(20))));
    const Result<Attached> attached = attach_now(request("x"));
    ASSERT_FALSE(attached);
    EXPECT_EQ(attached.error().kind, ErrorKind::operation_in_progress);
}

TEST_F(Detach, OfBeforeTheFirstStartWaitsAndIsSentAWhileAfterIt) {
    host_.deadlines.unplug_again = Milliseconds(200);
    pc_.set_run_state("prelaunch");
    start_with_device(FakePc::Guest::lets_go);
    EXPECT_EQ(*detach_now(leave("x", Milliseconds(20))), Detached::pending);
    EXPECT_EQ(pc_.count("device_del"), 0u) << "QEMU would lose it for good";
    EXPECT_EQ(vm()->devices()[0].state, DeviceState::detaching);
    EXPECT_EQ(removal_intents(*host_.store, vm()->key()).size(), 1u);

    const SteadyClock::time_point start = SteadyClock::now();
    pc_.set_run_state("running", "RESUME");
    EXPECT_TRUE(wait_event(EventKind::detached, "x"));
    EXPECT_GE(SteadyClock::now() - start, Milliseconds(200)) << "its clock stands at nought first";
    EXPECT_EQ(pc_.count("device_del"), 1u);
    EXPECT_FALSE(pc_.has_backend("ivshmemd.x.mem"));
}

TEST_F(Detach, OfBeforeTheFirstStartWaitsAfterAMigrationThatFailed) {
    pc_.set_run_state("prelaunch");
    start_with_device(FakePc::Guest::lets_go);
    pc_.set_run_state("finish-migrate", "STOP");
    ASSERT_TRUE(loop_.run_until([this] { return vm()->run_state() == "finish-migrate"; }));
    pc_.set_run_state("prelaunch", "RESET");
    ASSERT_TRUE(loop_.run_until([this] { return vm()->run_state() == "prelaunch"; }));
    EXPECT_EQ(*detach_now(leave("x", Milliseconds(20))), Detached::pending);
    EXPECT_EQ(pc_.count("device_del"), 0u) << "QEMU would lose it for good";
    pc_.set_run_state("running", "RESUME");
    EXPECT_TRUE(wait_event(EventKind::detached, "x"));
}

TEST_F(Detach, AsksInAPausedVmThatWasReset) {
    start_with_device(FakePc::Guest::keeps);
    pc_.set_run_state("prelaunch", "RESET");
    ASSERT_TRUE(loop_.run_until([this] { return vm()->run_state() == "prelaunch"; }));
    EXPECT_EQ(*detach_now(leave("x", Milliseconds(20))), Detached::pending);
    EXPECT_EQ(pc_.count("device_del"), 1u);
}

TEST_F(Detach, RefusesAfterAMigration) {
    start_with_device(FakePc::Guest::keeps);
    pc_.set_run_state("postmigrate", "STOP");
    ASSERT_TRUE(loop_.run_until([this] { return vm()->run_state() == "postmigrate"; }));
    const Result<Detached> result = detach_now(leave("x"));
    ASSERT_FALSE(result);
    EXPECT_EQ(detail(result.error(), "state"), "postmigrate");
}

TEST_F(Detach, KnowsNoSuchDevice) {
    start();
    const Result<Detached> result = detach_now(leave("nope"));
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().kind, ErrorKind::no_such_device);
}

TEST_F(Detach, FindsADeviceThatAnotherDaemonMadeMeanwhile) {
    start();
    pc_.put_backend("ivshmemd.x.mem", {region_path("x"), mebibyte, true});
    pc_.put_device("ivshmemd.x", {.slot = 7, .backend = "ivshmemd.x.mem"});
    EXPECT_EQ(*detach_now(leave("x")), Detached::removed);
    EXPECT_FALSE(pc_.has_backend("ivshmemd.x.mem"));
}

TEST_F(Detach, TakesAForeignDeviceByItsPathAndLeavesItsBackend) {
    pc_.put_backend("theirs.mem", {region_path("x"), mebibyte, true});
    pc_.put_device("theirs", {.slot = 5, .backend = "theirs.mem"});
    start();
    DetachRequest wanted = leave("");
    wanted.qom_path = "/machine/peripheral/theirs";
    EXPECT_EQ(*detach_now(wanted), Detached::removed);
    EXPECT_TRUE(pc_.has_backend("theirs.mem"));
}

TEST_F(Detach, DoesNotTakeAForeignDeviceByItsName) {
    pc_.put_backend("theirs.mem", {region_path("x"), mebibyte, true});
    pc_.put_device("theirs", {.slot = 5, .backend = "theirs.mem"});
    start();
    const Result<Detached> result = detach_now(leave("theirs"));
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().kind, ErrorKind::no_such_device);
    EXPECT_TRUE(pc_.has_device("theirs"));
}

TEST_F(Detach, DeletesALeakedBackendOnceThatWorks) {
    pc_.put_backend("ivshmemd.x.mem", {region_path("x"), mebibyte, true});
    pc_.on("object-del", [](const json&) {
        return FakeQemu::error("GenericError",
                               "object 'ivshmemd.x.mem' is in use, can not be deleted");
    });
    start();
    ASSERT_TRUE(wait_event(EventKind::leaked, "x"));
    const Result<Detached> refused = detach_now(leave("x"));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind, ErrorKind::qemu_error);
    pc_.on("object-del", {});
    EXPECT_EQ(*detach_now(leave("x")), Detached::removed);
    EXPECT_FALSE(pc_.has_backend("ivshmemd.x.mem"));
}

TEST_F(Detach, ReportsWhatQemuRefuses) {
    start_with_device(FakePc::Guest::keeps);
    pc_.on("device_del", [](const json&) {
        return FakeQemu::error("GenericError", "Bus 'pci.0' does not support hotplugging");
    });
    const Result<Detached> result = detach_now(leave("x"));
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().kind, ErrorKind::qemu_error);
    EXPECT_EQ(detail(result.error(), "command"), "device_del");
    EXPECT_EQ(vm()->devices()[0].state, DeviceState::attached);
}

TEST_F(Detach, CompletesWhenQemuSaysTheDeviceIsGone) {
    start_with_device(FakePc::Guest::keeps);
    pc_.on("device_del", [this](const json& arguments) {
        pc_.set_guest(FakePc::Guest::lets_go);
        pc_.real("device_del", arguments);
        return FakeQemu::error("DeviceNotFound", "Device 'ivshmemd.x' not found");
    });
    EXPECT_EQ(*detach_now(leave("x")), Detached::removed);
    EXPECT_FALSE(pc_.has_backend("ivshmemd.x.mem"));
    EXPECT_EQ(count_events(EventKind::detached, "x"), 1u);
}

TEST_F(Detach, ReportsABackendThatCannotBeDeletedAsLeaked) {
    start_with_device(FakePc::Guest::lets_go);
    pc_.pin_backend("ivshmemd.x.mem");
    EXPECT_EQ(*detach_now(leave("x")), Detached::removed);
    EXPECT_EQ(count_events(EventKind::leaked, "x"), 1u);
    EXPECT_EQ(count_events(EventKind::detached, "x"), 1u);
    EXPECT_EQ(count_events(EventKind::vanished), 0u);
    ASSERT_EQ(vm()->devices().size(), 1u);
    EXPECT_EQ(vm()->devices()[0].state, DeviceState::leaked);
}

}  // namespace
}  // namespace ivshmemd::test
