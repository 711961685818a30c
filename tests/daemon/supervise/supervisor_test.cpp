#include "daemon/supervise/supervisor.h"

#include "daemon/vm/refresh.h"
#include "lib/resolve.h"
#include "tests/daemon/daemon_fixture.h"
#include "tests/support/unix_socket.h"

namespace ivshmemd::test {
namespace {

class Supervisor : public DaemonFixture {};

TEST_F(Supervisor, FindsOutWhatAMachineIsAndHolds) {
    pc_.put_backend("other0", {"/dev/shm/x", mebibyte, true});
    pc_.put_device("theirs", {.slot = 5, .backend = "other0", .master = "on"});
    start();
    EXPECT_EQ(vm()->capabilities()->version, (Version{7, 2, 22}));
    EXPECT_EQ(vm()->capabilities()->machine_type, "pc-i440fx-7.2-machine");
    EXPECT_EQ(vm()->capabilities()->models, (std::set<Model>{Model::plain, Model::doorbell}));
    EXPECT_EQ(vm()->run_state(), "running");
    const std::vector<Device> devices = vm()->devices();
    ASSERT_EQ(devices.size(), 1u);
    EXPECT_EQ(devices[0].spec.name, "theirs");
    EXPECT_EQ(devices[0].origin, Origin::foreign);
    EXPECT_EQ(devices[0].spec.role, Role::master);
    EXPECT_EQ(devices[0].spec.slot, 5);
    EXPECT_EQ(vm()->unavailable(), std::nullopt);
}

// The fake's command line does not name the socket: nothing is known of the executable.
TEST_F(Supervisor, ProbesWithoutLoadingModulesWhenTheExecutableIsUnknown) {
    start();
    EXPECT_EQ(vm()->identity().pid, std::nullopt);
    EXPECT_EQ(vm()->capabilities()->probe_method, ProbeMethod::device_list_properties);
    EXPECT_EQ(pc_.count("qom-list-types"), 0u);
    EXPECT_EQ(pc_.count("device-list-properties"), 3u);
}

TEST_F(Supervisor, DeletesBackendsOfOursThatServeNoDevice) {
    pc_.put_backend("ivshmemd.old.mem", {"/dev/shm/old", mebibyte, true});
    pc_.put_backend("ivshmemd.old.mem.2", {"/dev/shm/old", mebibyte, true});
    pc_.put_backend("foreign", {"/dev/shm/f", mebibyte, true});
    start();
    EXPECT_TRUE(loop_.run_until([this] { return !vm()->turn().busy(); }));
    EXPECT_FALSE(pc_.has_backend("ivshmemd.old.mem"));
    EXPECT_FALSE(pc_.has_backend("ivshmemd.old.mem.2"));
    EXPECT_TRUE(pc_.has_backend("foreign"));
    EXPECT_TRUE(vm()->devices().empty());
}

TEST_F(Supervisor, ReportsABackendOfOursThatCannotBeDeleted) {
    pc_.put_backend("ivshmemd.old.mem", {"/dev/shm/old", mebibyte, true});
    pc_.pin_backend("ivshmemd.old.mem");
    start();
    ASSERT_TRUE(wait_event(EventKind::leaked, "old"));
    ASSERT_TRUE(loop_.run_until([this] { return !vm()->turn().busy(); }));
    const std::vector<Device> devices = vm()->devices();
    ASSERT_EQ(devices.size(), 1u);
    EXPECT_EQ(devices[0].state, DeviceState::leaked);
    EXPECT_EQ(devices[0].spec.name, "old");
    EXPECT_EQ(devices[0].qom_path, "/objects/ivshmemd.old.mem");
}

TEST_F(Supervisor, IsBusyWithoutAGreetingAndConnectsWhenItComes) {
    pc_.listen(socket("a"));
    FileDescriptor holder = connect_unix(socket("a"), soon());
    ASSERT_TRUE(receive(holder.get(), soon()));  // the greeting
    registry_.start();
    ASSERT_TRUE(wait_state(VmState::busy));
    EXPECT_EQ(detail(*vm()->unavailable(), "state"), "busy");
    EXPECT_NE(vm()->unavailable()->message.find("another client"), std::string::npos);
    holder.reset();
    ASSERT_TRUE(wait_state(VmState::connected));
    EXPECT_EQ(vm()->last_error(), std::nullopt);
}

TEST_F(Supervisor, IsUnreachableWithoutASocketAndFindsItLater) {
    registry_.start();
    ASSERT_TRUE(wait_state(VmState::unreachable));
    EXPECT_EQ(detail(*vm()->unavailable(), "state"), "unreachable");
    EXPECT_NE(vm()->unavailable()->message.find(socket("a")), std::string::npos);
    pc_.listen(socket("a"));
    EXPECT_TRUE(wait_state(VmState::connected));
}

TEST_F(Supervisor, HurriesForARequest) {
    host_.deadlines.backoff_min = host_.deadlines.backoff_max = Milliseconds(60000);
    registry_.start();
    ASSERT_TRUE(wait_state(VmState::unreachable));
    pc_.listen(socket("a"));
    loop_.run(wait_connected(vm(), Milliseconds(10000)));
    EXPECT_EQ(vm()->state(), VmState::connected);
}

TEST_F(Supervisor, ReconnectsAndKeepsShowingTheDevicesAsStaleMeanwhile) {
    pc_.put_backend("ivshmemd.x.mem", {region_path("x"), mebibyte, true});
    pc_.put_device("ivshmemd.x", {.slot = 30, .backend = "ivshmemd.x.mem"});
    start();
    ASSERT_EQ(vm()->devices().size(), 1u);
    EXPECT_FALSE(vm()->devices()[0].stale);
    EXPECT_EQ(vm()->devices()[0].spec.region, "x");
    pc_.hold("query-status");
    pc_.qemu().disconnect();
    ASSERT_TRUE(loop_.run_until([this] { return vm()->state() != VmState::connected; }));
    ASSERT_EQ(vm()->devices().size(), 1u);
    EXPECT_TRUE(vm()->devices()[0].stale);
    pc_.release();
    ASSERT_TRUE(wait_state(VmState::connected));
    EXPECT_FALSE(vm()->devices()[0].stale);
}

TEST_F(Supervisor, IsUnresponsiveWhileQemuIsSilentAndSaysWhy) {
    host_.deadlines.query = Milliseconds(60);
    start();
    ASSERT_TRUE(loop_.run_until([this] { return !vm()->turn().busy(); }));
    pc_.mute(true);
    EXPECT_FALSE(loop_.run(refresh(vm(), Milliseconds(60))));
    EXPECT_EQ(vm()->state(), VmState::unresponsive);
    ASSERT_TRUE(loop_.run_until([this] { return vm()->last_error().has_value(); }));
    EXPECT_NE(vm()->last_error()->find("main loop is blocked"), std::string::npos);
    pc_.mute(false);
    pc_.qemu().send_event("RESUME", nullptr);  // makes the daemon ask
    EXPECT_TRUE(wait_state(VmState::connected));
    EXPECT_EQ(vm()->last_error(), std::nullopt);
}

TEST_F(Supervisor, FollowsTheRunStateWithoutPolling) {
    start();
    const std::size_t asked = pc_.count("query-status");
    pc_.set_run_state("paused", "STOP");
    EXPECT_TRUE(loop_.run_until([this] { return vm()->run_state() == "paused"; }));
    EXPECT_EQ(pc_.count("query-status"), asked + 1);
}

TEST_F(Supervisor, PublishesAChangeOfTheRunState) {
    start();
    events_.clear();
    pc_.set_run_state("paused", "STOP");
    ASSERT_TRUE(loop_.run_until([this] { return vm()->run_state() == "paused"; }));
    EXPECT_EQ(count_events(EventKind::vm_state), 1u);
}

TEST_F(Supervisor, KnowsAVmThatHasNeverRun) {
    pc_.set_run_state("prelaunch");
    start();
    EXPECT_FALSE(vm()->started());
    pc_.set_run_state("running", "RESUME");
    ASSERT_TRUE(loop_.run_until([this] { return vm()->run_state() == "running"; }));
    pc_.set_run_state("prelaunch", "RESET");
    ASSERT_TRUE(loop_.run_until([this] { return vm()->run_state() == "prelaunch"; }));
    EXPECT_TRUE(vm()->started());
}

// QEMU gives it its state back when the migration fails.
TEST_F(Supervisor, KnowsAVmThatHasNeverRunAfterItsMigration) {
    pc_.set_run_state("prelaunch");
    start();
    for (const char* state : {"finish-migrate", "postmigrate"}) {
        SCOPED_TRACE(state);
        pc_.set_run_state(state, "STOP");
        ASSERT_TRUE(loop_.run_until([&] { return vm()->run_state() == state; }));
        pc_.set_run_state("prelaunch", "RESET");
        ASSERT_TRUE(loop_.run_until([this] { return vm()->run_state() == "prelaunch"; }));
        EXPECT_FALSE(vm()->started());
    }
    pc_.set_run_state("running", "RESUME");
    ASSERT_TRUE(loop_.run_until([this] { return vm()->run_state() == "running"; }));
    EXPECT_TRUE(vm()->started());
}

TEST_F(Supervisor, NotesADeviceThatVanishesUnaskedAndDeletesItsBackend) {
    pc_.put_backend("ivshmemd.x.mem", {region_path("x"), mebibyte, true});
    pc_.put_device("ivshmemd.x", {.slot = 30, .backend = "ivshmemd.x.mem"});
    start();
    pc_.eject("ivshmemd.x");
    ASSERT_TRUE(wait_event(EventKind::vanished, "x"));
    EXPECT_TRUE(vm()->devices().empty());
    EXPECT_FALSE(pc_.has_backend("ivshmemd.x.mem"));
    EXPECT_EQ(count_events(EventKind::detached), 0u);
}

TEST_F(Supervisor, LeavesTheBackendOfAForeignDeviceThatVanishes) {
    pc_.put_backend("theirs.mem", {region_path("x"), mebibyte, true});
    pc_.put_device("theirs", {.slot = 30, .backend = "theirs.mem"});
    start();
    pc_.eject("theirs");
    ASSERT_TRUE(wait_event(EventKind::vanished, "theirs"));
    EXPECT_TRUE(pc_.has_backend("theirs.mem"));
    EXPECT_EQ(pc_.count("object-del"), 0u);
}

TEST_F(Supervisor, KeepsTwoVmsApart) {
    other_.listen(socket("b"));
    start();
    ASSERT_TRUE(wait_state(VmState::connected, "b"));
    pc_.qemu().disconnect();
    ASSERT_TRUE(loop_.run_until([this] { return vm("a")->state() != VmState::connected; }));
    EXPECT_EQ(vm("b")->state(), VmState::connected);
}

TEST_F(Supervisor, ListsAQemuOlderThanTheOldestSupportedAndRefusesToChangeIt) {
    pc_.qemu().version(2, 12);
    start();
    EXPECT_EQ(vm()->unavailable(), std::nullopt);
    DeviceRequest wanted;
    wanted.name = "x";
    const Result<Model> model = resolve_model(wanted, *vm()->capabilities());
    ASSERT_FALSE(model);
    EXPECT_EQ(model.error().kind, ErrorKind::config_unsupported);
}

TEST_F(Supervisor, TriesAgainWithAMonitorThatSpeaksNonsense) {
    FakeQemu nonsense;
    nonsense.inject("SSH-2.0-OpenSSH_9.2\r\n").close();
    nonsense.listen(socket("b"));
    start();
    EXPECT_TRUE(nonsense.wait_script_done(Deadline::after(Milliseconds(1))) || loop_.run_until([&] {
        return nonsense.wait_script_done(Deadline::after(Milliseconds(0)), 2);
    }));
    ASSERT_TRUE(wait_state(VmState::unreachable, "b"));
    EXPECT_NE(vm("b")->last_error()->find("QMP"), std::string::npos) << *vm("b")->last_error();
}

}  // namespace
}  // namespace ivshmemd::test
