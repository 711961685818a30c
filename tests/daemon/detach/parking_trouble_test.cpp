#include "daemon/detach/parking.h"

#include "daemon/migration/migrate.h"
#include "daemon/state/doorbells.h"
#include "tests/daemon/detach/parking_fixture.h"

// What is refused until it can be done, and what goes wrong on the way.

namespace ivshmemd::test {
namespace {

TEST_F(Parking, RefusesAnAttachWhileTheGuestKeepsADoorbell) {
    const ScriptedServer server(path(), server_with(0));
    start();
    ASSERT_TRUE(attach_now(doorbell()));
    pc_.set_guest(FakePc::Guest::keeps);
    ASSERT_EQ(*detach_now(leave("bell", Milliseconds(0))), Detached::pending);
    const Result<Attached> attached = attach_now(request("plain"));
    ASSERT_FALSE(attached);
    EXPECT_EQ(attached.error().kind, ErrorKind::operation_in_progress);
    EXPECT_NE(attached.error().message.find("bell"), std::string::npos);
    EXPECT_EQ(pc_.count("object-add"), 0u);
    pc_.eject("ivshmemd.bell");
    ASSERT_TRUE(wait_event(EventKind::detached, "bell"));
    EXPECT_TRUE(attach_now(request("plain")));
}

// QEMU opens the channel itself.
TEST_F(Parking, KeepsAMigrationFromBeginningWhileTheGuestKeepsADoorbell) {
    const ScriptedServer server(path(), server_with(0));
    start();
    DeviceRequest master = doorbell();
    master.role = Role::master;
    ASSERT_TRUE(attach_now(master));
    pc_.set_guest(FakePc::Guest::keeps);
    ASSERT_EQ(*detach_now(leave("bell", Milliseconds(0))), Detached::pending);
    MigrateRequest request;
    request.uri = "unix:/nowhere";
    const Result<Migrated> migrated = loop_.run(migrate(vm("a"), request, {}));
    ASSERT_FALSE(migrated);
    EXPECT_EQ(migrated.error().kind, ErrorKind::operation_in_progress);
    EXPECT_EQ(pc_.count("migrate"), 0u);
}

// A QEMU that is silent just then has the numbers free all the while.
TEST_F(Parking, IsDoneAgainUntilQemuHasTakenAll) {
    const ScriptedServer server(path(), server_with(1));
    start();
    ASSERT_TRUE(attach_now(doorbell()));
    pc_.set_guest(FakePc::Guest::keeps);
    ASSERT_EQ(*detach_now(leave("bell", Milliseconds(0))), Detached::pending);
    host_.deadlines.query = Milliseconds(60);
    pc_.hold("getfd");
    const std::size_t asked = pc_.count("getfd");
    pc_.eject("ivshmemd.bell");
    ASSERT_TRUE(loop_.run_until([&] { return pc_.count("getfd") > asked; }));
    ASSERT_TRUE(wait_state(VmState::unresponsive));
    EXPECT_EQ(host_.store->get().doorbells.size(), 1u) << "their bound is still needed";
    host_.deadlines.query = Milliseconds(2000);
    pc_.release();
    ASSERT_TRUE(wait_event(EventKind::detached, "bell"));
    EXPECT_TRUE(pc_.descriptors().exposed().empty());
    EXPECT_TRUE(host_.store->get().doorbells.empty());
    EXPECT_TRUE(attach_now(request("plain")));
}

TEST_F(Parking, IsCompleteWhenThePausedMachineRunsAgain) {
    const ScriptedServer server(path(), server_with(2));
    start();
    for (int i = 0; i < 20; ++i) pc_.descriptors().take("something");
    ASSERT_TRUE(attach_now(doorbell()));
    pc_.descriptors().free("something");
    const VmKey key = vm("a")->key();
    const std::optional<DescriptorRange> range = doorbell_range(*host_.store, key, "bell");
    ASSERT_TRUE(range);
    // As it is where a floor cannot be told.
    loop_.run(remember_doorbell(*host_.store, key, "bell", {0, range->top}));
    pc_.set_run_state("paused", "STOP");
    ASSERT_TRUE(loop_.run_until([this] { return vm("a")->run_state() == "paused"; }));
    pc_.eject("ivshmemd.bell");
    ASSERT_TRUE(loop_.run_until([this] { return pc_.count("remove-fd") > 4; }));
    EXPECT_EQ(count_events(EventKind::vanished), 0u) << "only a QEMU that runs can be asked";
    const Result<Attached> attached = attach_now(request("plain"));
    ASSERT_FALSE(attached);
    EXPECT_EQ(attached.error().kind, ErrorKind::operation_in_progress);
    pc_.set_run_state("running", "RESUME");
    ASSERT_TRUE(wait_event(EventKind::vanished, "bell"));
    pc_.descriptors().free("released of set 1769370472");
    pc_.descriptors().free("released of set 1769370473");
    EXPECT_TRUE(pc_.descriptors().exposed().empty());
}

TEST_F(Parking, RefusesADetachWhereNobodyKnowsTheNumbers) {
    const ScriptedServer server(path(), server_with(0));
    start();
    ASSERT_TRUE(attach_now(doorbell()));
    SavedState lost = host_.store->get();
    ASSERT_EQ(lost.doorbells.size(), 1u);
    lost.doorbells.clear();
    loop_.run(host_.store->put(lost));
    const Result<Detached> detached = detach_now(leave("bell"));
    ASSERT_FALSE(detached);
    EXPECT_EQ(detached.error().kind, ErrorKind::config_unsupported);
    EXPECT_EQ(pc_.count("device_del"), 0u);
    EXPECT_EQ(vm()->device("bell")->state, DeviceState::attached);
}

// A chardev that QEMU will not delete tells of its device again and again.
TEST_F(Parking, IsDoneOnceForADeviceWhoseChardevStays) {
    pc_.put_chardev("ivshmemd.x.chr");
    pc_.keep_chardevs_busy(1000000);
    start();
    ASSERT_TRUE(loop_.run_until([this] { return pc_.count("chardev-remove") > 0; }));
    const std::size_t once = parked();
    const std::size_t tried = pc_.count("chardev-remove");
    pc_.qemu().disconnect();
    ASSERT_TRUE(loop_.run_until([&] { return pc_.count("chardev-remove") > 2 * tried; }));
    EXPECT_EQ(parked(), once);
}

// Nothing may be added before, and the chardev, which tells of it, stays.
TEST_F(Parking, IsDoneAgainForOneThatLeftWhileNoDaemonWasThere) {
    pc_.put_chardev("ivshmemd.x.chr");
    host_.deadlines.query = Milliseconds(60);
    pc_.hold("getfd");
    start();
    ASSERT_TRUE(loop_.run_until([this] { return pc_.count("getfd") > 0; }));
    ASSERT_TRUE(wait_state(VmState::unresponsive));
    EXPECT_EQ(pc_.count("chardev-remove"), 0u);
    pc_.release();
    ASSERT_TRUE(wait_state(VmState::connected));
    EXPECT_TRUE(attach_now(request("plain")));
    EXPECT_GE(parked(), 64u);
    EXPECT_FALSE(pc_.has_chardev("ivshmemd.x.chr"));
}

TEST_F(Parking, IsNoExcuseToRunOutOfDescriptors) {
    const ScriptedServer server(path(), server_with(20));
    start();
    while (pc_.descriptors().in_use() < 960) pc_.descriptors().take("what QEMU has open");
    const Result<Attached> attached = attach_now(doorbell());
    ASSERT_FALSE(attached);
    EXPECT_EQ(attached.error().kind, ErrorKind::config_unsupported);
    EXPECT_NE(attached.error().message.find("1024"), std::string::npos) << attached.error().message;
    EXPECT_EQ(pc_.count("chardev-add"), 0u);
    EXPECT_TRUE(host_.relays.devices("a").empty());
}

}  // namespace
}  // namespace ivshmemd::test
