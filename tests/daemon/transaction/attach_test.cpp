#include "tests/daemon/transaction/transaction_fixture.h"

// The same device for several VMs, or for none.

namespace ivshmemd::test {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class TransactionAttach : public TransactionFixture {};

nlohmann::json no_such_luck(const nlohmann::json&) {
    return FakeQemu::error("GenericError", "no");
}

TEST_F(TransactionAttach, GivesTheDeviceToAll) {
    start_both();
    const Result<TransactionResult> done = run(attach_both(request("x")));
    ASSERT_TRUE(done) << done.error().message;
    ASSERT_EQ(done->vms.size(), 2u);
    EXPECT_EQ(done->vms[1].vm, "b");
    EXPECT_TRUE(done->vms[1].attached[0].changed);
    EXPECT_EQ(done->vms[1].attached[0].device.vm, "b");
    EXPECT_TRUE(pc_.has_device("ivshmemd.x"));
    EXPECT_TRUE(other_.has_device("ivshmemd.x"));
    ASSERT_EQ(host_.store->get().regions.size(), 1u);
    EXPECT_THAT(steps_, Contains("attaching: attaching x to b"));
}

TEST_F(TransactionAttach, LeavesEqualDevicesAsTheyAre) {
    start_both();
    ASSERT_TRUE(attach_now(request("x")));
    const Result<TransactionResult> done = run(attach_both(request("x")));
    ASSERT_TRUE(done) << done.error().message;
    EXPECT_FALSE(done->vms[0].attached[0].changed);
    EXPECT_TRUE(done->vms[1].attached[0].changed);
    EXPECT_EQ(pc_.count("device_add"), 1u);
}

TEST_F(TransactionAttach, ShowsTheCommandsOfADryRun) {
    start_both();
    TransactionWishes wishes;
    wishes.dry_run = true;
    const Result<TransactionResult> done = run(attach_both(request("x")), wishes);
    ASSERT_TRUE(done) << done.error().message;
    EXPECT_EQ(done->vms[1].attached[0].commands.size(), 2u);
    expect_untouched();
}

TEST_F(TransactionAttach, IsNotRefusedAPlaceThatSomebodyElseLeftWithoutAWord) {
    pc_.put_backend("theirs.mem", {"/dev/shm/y", mebibyte, true});
    pc_.put_device("theirs", {.slot = 9, .backend = "theirs.mem"});
    start_both();
    pc_.take_out("theirs");
    DeviceRequest wanted = request("x");
    wanted.slot = 9;
    const Result<TransactionResult> done = run(attach_both(wanted));
    ASSERT_TRUE(done) << done.error().message;
    EXPECT_EQ(pc_.slot_of("ivshmemd.x"), 9);
}

TEST_F(TransactionAttach, TellsAllFaultsBeforeItBeginsAnything) {
    start_both();
    DeviceRequest odd = request("x");
    odd.size = 3 * mebibyte;
    std::vector<VmPlan> plans = attach_both(odd);
    plans.push_back({"nobody", {odd}, {}});
    plans.push_back({"../x", {odd}, {}});
    const Result<TransactionResult> done = run(plans);
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().kind, ErrorKind::transaction_failed);
    EXPECT_THAT(faults(done.error()),
                testing::UnorderedElementsAre("a/x BadSize", "b/x BadSize", "nobody/ NoSuchVm",
                                              "../x/ BadName"));
    EXPECT_THAT(leftovers(done.error()), IsEmpty());
    expect_untouched();
}

// Also one in a VM that waits for its migration: by their UUIDs neither is the other's source.
TEST_F(TransactionAttach, RefusesASecondMasterThatIsPlanned) {
    start_both();
    DeviceRequest master = request("x");
    master.role = Role::master;
    for (const char* run_state : {"running", "inmigrate"}) {
        SCOPED_TRACE(run_state);
        other_.set_run_state(run_state, "RESUME");
        ASSERT_TRUE(loop_.run_until([&] { return vm("b")->run_state() == run_state; }));
        const Result<TransactionResult> done = run(attach_both(master));
        ASSERT_FALSE(done);
        EXPECT_THAT(faults(done.error()), ElementsAre("b/x MasterExists"));
        expect_untouched();
    }
}

TEST_F(TransactionAttach, NamesAVmThatIsNotThere) {
    start();
    const Result<TransactionResult> done = run(attach_both(request("x")));
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().vm, "b");
    EXPECT_THAT(faults(done.error()), ElementsAre("b/ VmUnavailable"));
    expect_untouched();
}

TEST_F(TransactionAttach, IsTakenBackFromAllWhenOneRefuses) {
    start_both();
    other_.on("device_add", no_such_luck);
    const Result<TransactionResult> done = run(attach_both(request("x")));
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().vm, "b");
    EXPECT_THAT(faults(done.error()), ElementsAre("b/x QemuError"));
    EXPECT_THAT(leftovers(done.error()), IsEmpty());
    EXPECT_THAT(steps_, Contains("undoing: taking x out of a again"));
    EXPECT_EQ(pc_.count("device_add"), 1u);
    expect_untouched();
}

// The one that fails made the region, and another one has it by then.
TEST_F(TransactionAttach, RemovesARegionThatTheOneThatFailsHasMade) {
    start_both();
    other_.hold("device_add");
    pc_.on("device_add", no_such_luck);
    const auto running = start_run(attach_both(request("x")));
    ASSERT_TRUE(loop_.run_until([&] { return pc_.count("device_add") == 1; }));
    other_.release();
    const Result<TransactionResult> done = finish(running);
    ASSERT_FALSE(done);
    EXPECT_THAT(leftovers(done.error()), IsEmpty()) << done.error().message;
    expect_untouched();
}

TEST_F(TransactionAttach, LeavesARegionThatWasThere) {
    start_both();
    ASSERT_TRUE(attach_now(request("x")));
    ASSERT_TRUE(detach_now(leave("x")));
    other_.on("device_add", no_such_luck);
    ASSERT_FALSE(run(attach_both(request("x"))));
    EXPECT_TRUE(region_exists("x"));
    EXPECT_FALSE(pc_.has_device("ivshmemd.x"));
}

TEST_F(TransactionAttach, NamesADeviceThatItsGuestKeepsAndItsRegion) {
    start_both();
    pc_.set_guest(FakePc::Guest::keeps);
    other_.on("device_add", no_such_luck);
    const Result<TransactionResult> done =
        run(attach_both(request("x")), patient(Milliseconds(100)));
    ASSERT_FALSE(done);
    EXPECT_THAT(leftovers(done.error()), ElementsAre("a/x", region_path("x")));
    EXPECT_THAT(done.error().message, HasSubstr("not a/x"));
    EXPECT_EQ(vm()->device("x")->state, DeviceState::detaching);
    pc_.eject("ivshmemd.x");
    ASSERT_TRUE(wait_event(EventKind::detached, "x"));
    EXPECT_FALSE(region_exists("x")) << "it goes with the device that it was made for";
}

TEST_F(TransactionAttach, TakesNoRegionAlongThatWasThereBefore) {
    start_both();
    ASSERT_TRUE(attach_now(request("old")));
    ASSERT_TRUE(detach_now(leave("old")));
    pc_.set_guest(FakePc::Guest::keeps);
    other_.on("device_add", no_such_luck);
    std::vector<VmPlan> plans = attach_both(request("x"));
    plans[0].attach.push_back(request("old"));
    ASSERT_FALSE(run(plans, patient(Milliseconds(100))));
    pc_.eject("ivshmemd.x");
    pc_.eject("ivshmemd.old");
    ASSERT_TRUE(wait_event(EventKind::detached, "x"));
    ASSERT_TRUE(wait_event(EventKind::detached, "old"));
    EXPECT_FALSE(region_exists("x"));
    EXPECT_TRUE(region_exists("old"));
}

TEST_F(TransactionAttach, IsUndoneInTheOthersWhenAMachineDies) {
    start_both();
    other_.hold("device_add");
    const auto running = start_run(attach_both(request("x")));
    ASSERT_TRUE(loop_.run_until(
        [&] { return other_.count("device_add") == 1 && pc_.has_device("ivshmemd.x"); }));
    other_.qemu().disconnect();
    other_.release();
    other_.die();
    const Result<TransactionResult> done = finish(running);
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().vm, "b");
    EXPECT_THAT(faults(done.error()), ElementsAre("b/x VmUnavailable"));
    EXPECT_THAT(leftovers(done.error()), IsEmpty());
    expect_untouched();
}

TEST_F(TransactionAttach, HoldsUpNoOtherRequestOfAVmThatIsReady) {
    start_both();
    other_.hold("device_add");
    const auto running = start_run(attach_both(request("x")));
    ASSERT_TRUE(loop_.run_until([&] { return pc_.has_device("ivshmemd.x"); }));
    EXPECT_TRUE(attach_now(request("y")));
    EXPECT_FALSE(running->done);
    other_.release();
    EXPECT_TRUE(finish(running));
}

}  // namespace
}  // namespace ivshmemd::test
