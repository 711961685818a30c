#include "daemon/attach/attach.h"

#include <gmock/gmock.h>

#include "daemon/vm/refresh.h"
#include "tests/daemon/vm/operation_fixture.h"
#include "tests/support/json_text.h"

namespace ivshmemd::test {
namespace {

class Attach : public OperationFixture {};

TEST_F(Attach, MakesRegionBackendAndDevice) {
    start();
    const Result<Attached> attached = attach_now(request("x"));
    ASSERT_TRUE(attached) << attached.error().message;
    EXPECT_TRUE(attached->changed);
    EXPECT_EQ(attached->device.spec.slot, 30);
    EXPECT_EQ(attached->device.spec.bus, "pci.0");
    EXPECT_EQ(attached->device.spec.role, Role::peer);
    EXPECT_EQ(attached->device.state, DeviceState::attached);
    EXPECT_TRUE(pc_.has_device("ivshmemd.x"));
    EXPECT_TRUE(pc_.has_backend("ivshmemd.x.mem"));
    EXPECT_EQ(RegionFiles::inspect(region_path("x")).size, mebibyte);
    EXPECT_EQ(count_events(EventKind::attaching, "x"), 1u);
    EXPECT_EQ(count_events(EventKind::attached, "x"), 1u);
    ASSERT_EQ(host_.store->get().regions.size(), 1u);
    EXPECT_EQ(host_.store->get().regions[0].path, region_path("x"));
}

TEST_F(Attach, AnswersAnEqualDeviceThatIsThere) {
    start();
    ASSERT_TRUE(attach_now(request("x")));
    const Result<Attached> again = attach_now(request("x"));
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_FALSE(again->changed);
    EXPECT_EQ(pc_.count("device_add"), 1u);
}

TEST_F(Attach, RefusesADifferentDeviceOfTheSameName) {
    start();
    ASSERT_TRUE(attach_now(request("x")));
    DeviceRequest different = request("x");
    different.role = Role::master;
    const Result<Attached> again = attach_now(different);
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error().kind, ErrorKind::device_exists);
}

TEST_F(Attach, OnlyShowsTheCommandsOfADryRun) {
    start();
    const auto dry = loop_.run(attach(vm(), request("x"), true));
    ASSERT_TRUE(dry) << dry.error().message;
    ASSERT_EQ(dry->commands.size(), 2u);
    EXPECT_EQ(dry->commands[0].name, "object-add");
    EXPECT_EQ(dry->commands[1].name, "device_add");
    EXPECT_EQ(pc_.count("object-add"), 0u);
    EXPECT_FALSE(region_exists("x"));
}

TEST_F(Attach, RefusesAModelThisQemuLacks) {
    start();
    DeviceRequest wanted = request("x");
    wanted.model = Model::legacy;
    const Result<Attached> attached = attach_now(wanted);
    ASSERT_FALSE(attached);
    EXPECT_EQ(attached.error().kind, ErrorKind::model_not_supported);
}

TEST_F(Attach, WrapsThePropertiesForAQemuBefore52) {
    pc_.qemu().version(4, 2);
    std::mutex mutex;
    json seen;
    pc_.on("object-add", [&](const json& arguments) {
        json flat = arguments;
        flat.update(member(arguments, "props"));
        const std::lock_guard lock(mutex);
        seen = arguments;
        return pc_.real("object-add", flat);
    });
    start();
    ASSERT_TRUE(attach_now(request("x")));
    const std::lock_guard lock(mutex);
    EXPECT_TRUE(seen.contains("props")) << seen;
}

TEST_F(Attach, RefusesAPeerInAnIncomingVmAndTakesAMaster) {
    pc_.set_run_state("inmigrate");
    start();
    const Result<Attached> peer = attach_now(request("x"));
    ASSERT_FALSE(peer);
    EXPECT_EQ(peer.error().kind, ErrorKind::vm_unavailable);
    EXPECT_EQ(detail(peer.error(), "state"), "inmigrate");
    DeviceRequest master = request("x");
    master.role = Role::master;
    const Result<Attached> attached = attach_now(master);
    ASSERT_TRUE(attached);
    EXPECT_THAT(attached->warning, testing::HasSubstr("cannot be detached before"));
    pc_.set_run_state("running", "RESUME");
    ASSERT_TRUE(loop_.run_until([this] { return vm()->run_state() == "running"; }));
    EXPECT_EQ(attach_now(request("y"))->warning, "");
}

TEST_F(Attach, UsesAnExistingRegionsSize) {
    start();
    ASSERT_TRUE(host_.regions.create("x", 2 * mebibyte, 0));
    DeviceRequest wanted;
    wanted.name = "x";
    const Result<Attached> attached = attach_now(wanted);
    ASSERT_TRUE(attached) << attached.error().message;
    EXPECT_EQ(attached->device.spec.size, 2 * mebibyte);
    EXPECT_TRUE(host_.store->get().regions.empty()) << "it was not made by this daemon";
}

TEST_F(Attach, RefusesWhatIsNoFile) {
    start();
    std::filesystem::create_symlink("/dev/shm/elsewhere", region_path("x"));
    const Result<Attached> attached = attach_now(request("x"));
    ASSERT_FALSE(attached);
    EXPECT_EQ(attached.error().kind, ErrorKind::region_mismatch);
    EXPECT_EQ(pc_.count("object-add"), 0u);
}

TEST_F(Attach, SerialisesOperationsInTheOrderTheyCame) {
    start();
    pc_.hold("object-add");
    std::vector<Running<Attached>> running;
    for (const char* name : {"one", "two", "three"}) running.push_back(start_attach(request(name)));
    ASSERT_TRUE(loop_.run_until([this] { return pc_.count("object-add") == 1; }));
    pass(Milliseconds(20));
    EXPECT_EQ(pc_.count("object-add"), 1u) << "the others wait";
    EXPECT_FALSE(running[1]->done);
    pc_.release();
    for (const auto& each : running) ASSERT_TRUE(finish(each));
    EXPECT_EQ(pc_.slot_of("ivshmemd.one"), 30);
    EXPECT_EQ(pc_.slot_of("ivshmemd.two"), 29);
    EXPECT_EQ(pc_.slot_of("ivshmemd.three"), 28);
}

TEST_F(Attach, DoesNotHoldUpAnotherVmNorAReader) {
    other_.listen(socket("b"));
    host_.deadlines.add = Milliseconds(10000);
    start();
    ASSERT_TRUE(wait_state(VmState::connected, "b"));
    pc_.hold("object-add");
    const auto hanging = start_attach(request("x"));
    ASSERT_TRUE(loop_.run_until([this] { return pc_.count("object-add") == 1; }));
    EXPECT_TRUE(attach_now(request("y"), "b"));
    loop_.run(refresh_for_read(vm()));
    ASSERT_EQ(vm()->devices().size(), 1u);
    EXPECT_EQ(vm()->devices()[0].state, DeviceState::attaching);
    EXPECT_FALSE(hanging->done);
    pc_.release();
    EXPECT_TRUE(finish(hanging));
}

TEST_F(Attach, NeverUsesASlotThatWasJustLeft) {
    start();
    ASSERT_TRUE(attach_now(request("x")));
    ASSERT_TRUE(detach_now(leave("x")));
    const Result<Attached> again = attach_now(request("x"));
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_EQ(again->device.spec.slot, 29);
}

/// A device that is there and calm, and is wanted again in its slot.
class AttachToTheSameSlot : public Attach {
  protected:
    void SetUp() override {
        Attach::SetUp();
        start();
        wanted_ = request("x");
        wanted_.slot = 20;
        ASSERT_TRUE(attach_now(wanted_));
        pass(Notices::calm);
    }
    /// How long the slot was waited for.
    SteadyClock::duration attach_again() {
        const SteadyClock::time_point begin = SteadyClock::now();
        const Result<Attached> again = attach_now(wanted_);
        EXPECT_TRUE(again) << again.error().message;
        return SteadyClock::now() - begin;
    }

    DeviceRequest wanted_;
};

TEST_F(AttachToTheSameSlot, DoesNotWaitAfterAPromptRemovalWithNothingElseGoingOn) {
    ASSERT_TRUE(detach_now(leave("x")));
    EXPECT_LT(attach_again(), slot_rest / 2);
}

TEST_F(AttachToTheSameSlot, WaitsWhereAnotherClientHasPluggedSomethingIn) {
    ASSERT_TRUE(detach_now(leave("x")));
    pc_.put_backend("theirs.mem", {"/dev/shm/theirs", mebibyte, true});
    pc_.put_device("theirs", {.slot = 9, .backend = "theirs.mem"});
    EXPECT_GT(attach_again(), slot_rest / 2);
}

TEST_F(AttachToTheSameSlot, WaitsWhereAnEarlierConnectionMayHaveAskedForIt) {
    pc_.qemu().disconnect();
    ASSERT_TRUE(loop_.run_until([this] { return vm()->state() != VmState::connected; }));
    ASSERT_TRUE(wait_state(VmState::connected));
    pass(Notices::calm);
    ASSERT_TRUE(detach_now(leave("x")));
    EXPECT_GT(attach_again(), slot_rest / 2);
}

TEST_F(AttachToTheSameSlot, WaitsAfterTheOtherDeviceThatCameAMomentBefore) {
    ASSERT_TRUE(attach_now(request("y")));
    ASSERT_TRUE(detach_now(leave("x")));
    EXPECT_GT(attach_again(), slot_rest / 2);
}

TEST_F(Attach, AllowsOneMasterOfARegionOverAllVms) {
    other_.listen(socket("b"));
    start();
    ASSERT_TRUE(wait_state(VmState::connected, "b"));
    DeviceRequest master = request("x");
    master.role = Role::master;
    ASSERT_TRUE(attach_now(master));
    const Result<Attached> second = attach_now(master, "b");
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().kind, ErrorKind::master_exists);
    EXPECT_EQ(detail(second.error(), "holder"), "a/x");
    EXPECT_TRUE(attach_now(request("x"), "b")) << "a peer may share it";
}

TEST_F(Attach, CountsAMasterThatIsJustBeingAttached) {
    other_.listen(socket("b"));
    start();
    ASSERT_TRUE(wait_state(VmState::connected, "b"));
    ASSERT_TRUE(host_.regions.create("x", mebibyte, 0));
    DeviceRequest master = request("x");
    master.role = Role::master;
    pc_.hold("object-add");
    const auto first = start_attach(master);
    ASSERT_TRUE(loop_.run_until([this] { return pc_.count("object-add") == 1; }));
    const Result<Attached> second = attach_now(master, "b");
    pc_.release();
    EXPECT_TRUE(finish(first));
    ASSERT_FALSE(second) << "two masters";
    EXPECT_EQ(second.error().kind, ErrorKind::master_exists);
}

TEST_F(Attach, WaitsForTheMemoryOfADeviceThatLeftBeforeTheConnection) {
    pc_.linger("ivshmemd.x.mem");
    start();
    const std::size_t before = pc_.count("human-monitor-command");
    const auto running = start_attach(request("x"));
    ASSERT_TRUE(loop_.run_until([&] { return pc_.count("human-monitor-command") >= before + 2; }));
    EXPECT_EQ(pc_.count("object-add"), 0u);
    pc_.linger("");
    EXPECT_TRUE(finish(running));
}

TEST_F(Attach, WarnsOfADeviceTheGuestDoesNotMap) {
    start();
    pc_.on("device_add", [this](const json& arguments) {
        const json reply = pc_.real("device_add", arguments);
        pc_.put_device("ivshmemd.x", {.slot = 30, .backend = "ivshmemd.x.mem", .mapped = false});
        return reply;
    });
    ASSERT_TRUE(attach_now(request("x")));
    ASSERT_TRUE(wait_event(EventKind::attach_doubtful, "x"));
    EXPECT_NE(events_.back().detail.find("not mapped"), std::string::npos);
    EXPECT_EQ(count_events(EventKind::attached), 1u);
}

TEST_F(Attach, DoesNotTakeALaterDeviceForTheOneItLooksAfter) {
    host_.deadlines.settle = Milliseconds(30);
    start();
    DeviceRequest first = request("x");
    first.slot = 20;
    DeviceRequest second = request("x");
    second.slot = 21;
    ASSERT_TRUE(attach_now(first));
    ASSERT_TRUE(detach_now(leave("x")));
    pc_.on("device_add", [this](const json& arguments) {
        const json reply = pc_.real("device_add", arguments);
        pc_.put_device("ivshmemd.x", {.slot = 21, .backend = "ivshmemd.x.mem", .mapped = false});
        return reply;
    });
    ASSERT_TRUE(attach_now(second));
    // Both looks are over when the later one has said what it has to say.
    ASSERT_TRUE(wait_event(EventKind::attach_doubtful, "x"));
    EXPECT_EQ(count_events(EventKind::attach_doubtful), 1u);
    EXPECT_NE(events_.back().detail.find("not mapped"), std::string::npos) << events_.back().detail;
}

}  // namespace
}  // namespace ivshmemd::test
