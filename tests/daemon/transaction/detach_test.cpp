#include "daemon/hold/notes.h"
#include "daemon/migration/replug.h"
#include "tests/daemon/transaction/transaction_fixture.h"

// A device of the same name out of several VMs, or out of none; and exchanges.

namespace ivshmemd::test {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class TransactionDetach : public TransactionFixture {
  protected:
    void start_with_devices() {
        start_both();
        ASSERT_TRUE(run(attach_both(request("x"))));
    }
    void expect_both_there() {
        EXPECT_TRUE(pc_.has_device("ivshmemd.x"));
        EXPECT_TRUE(other_.has_device("ivshmemd.x"));
    }
};

TEST_F(TransactionDetach, TakesTheDeviceOutOfAll) {
    start_with_devices();
    const Result<TransactionResult> done = run(detach_both("x"));
    ASSERT_TRUE(done) << done.error().message;
    EXPECT_EQ(done->vms[0].detached[0], Detached::removed);
    EXPECT_EQ(done->vms[1].detached[0], Detached::removed);
    EXPECT_FALSE(pc_.has_device("ivshmemd.x"));
    EXPECT_FALSE(other_.has_device("ivshmemd.x"));
    EXPECT_TRUE(region_exists("x"));
}

TEST_F(TransactionDetach, RemovesTheRegionWhenAllHaveLeft) {
    start_with_devices();
    TransactionWishes wishes;
    wishes.remove_regions = true;
    const Result<TransactionResult> done = run(detach_both("x"), wishes);
    ASSERT_TRUE(done) << done.error().message;
    EXPECT_THAT(done->kept_regions, IsEmpty());
    EXPECT_FALSE(region_exists("x"));
}

TEST_F(TransactionDetach, BeginsNothingWhenOneLacksTheDevice) {
    start_both();
    ASSERT_TRUE(attach_now(request("x")));
    const Result<TransactionResult> done = run(detach_both("x"));
    ASSERT_FALSE(done);
    EXPECT_THAT(faults(done.error()), ElementsAre("b/x NoSuchDevice"));
    EXPECT_EQ(pc_.count("device_del"), 0u);
}

TEST_F(TransactionDetach, PutsBackWhatHasLeftWhenAGuestRefuses) {
    start_with_devices();
    const int slot = pc_.slot_of("ivshmemd.x");
    other_.set_guest(FakePc::Guest::refuses);
    const Result<TransactionResult> done = run(detach_both("x"));
    ASSERT_FALSE(done);
    EXPECT_THAT(faults(done.error()), ElementsAre("b/x DetachRefused"));
    EXPECT_THAT(leftovers(done.error()), IsEmpty());
    expect_both_there();
    EXPECT_EQ(pc_.slot_of("ivshmemd.x"), slot);
}

TEST_F(TransactionDetach, PutsBackWhatHasLeftWhenAGuestKeepsItsDevice) {
    start_with_devices();
    other_.set_guest(FakePc::Guest::keeps);
    const Result<TransactionResult> done = run(detach_both("x"), patient(Milliseconds(1000)));
    ASSERT_FALSE(done);
    EXPECT_THAT(faults(done.error()), ElementsAre("b/x TimedOut"));
    EXPECT_THAT(leftovers(done.error()), ElementsAre("b/x"));
    expect_both_there();
    EXPECT_EQ(vm("b")->device("x")->state, DeviceState::detaching);
}

TEST_F(TransactionDetach, PlugsInAgainWhatLeavesAfterItGaveUp) {
    start_with_devices();
    const int slot = other_.slot_of("ivshmemd.x");
    other_.set_guest(FakePc::Guest::keeps);
    const Result<TransactionResult> done = run(detach_both("x"), patient(Milliseconds(1000)));
    ASSERT_FALSE(done);
    EXPECT_THAT(done.error().message, HasSubstr("plugged in again as soon as that can be: b/x"));
    const std::vector<HoldNote> notes = hold_notes(host_);
    ASSERT_EQ(notes.size(), 1u);
    EXPECT_EQ(notes[0].vm, "b");
    EXPECT_EQ(notes[0].phase, HoldNote::Phase::returning);
    EXPECT_EQ(notes[0].forget, "ivshmemctl replug b --forget");
    other_.set_guest(FakePc::Guest::lets_go);
    other_.eject("ivshmemd.x");
    ASSERT_TRUE(loop_.run_until([&] { return host_.store->get().migrations.empty(); }));
    expect_both_there();
    EXPECT_EQ(other_.slot_of("ivshmemd.x"), slot);
    EXPECT_EQ(vm("b")->device("x")->state, DeviceState::attached);
}

TEST_F(TransactionDetach, LeavesOutWhatSomebodyDetachesMeanwhile) {
    start_with_devices();
    other_.set_guest(FakePc::Guest::keeps);
    EXPECT_FALSE(run(detach_both("x"), patient(Milliseconds(1000))));
    const auto detaching = start_detach(leave("x"), "b");
    ASSERT_TRUE(loop_.run_until([&] { return host_.store->get().migrations.empty(); }));
    other_.eject("ivshmemd.x");
    ASSERT_TRUE(finish(detaching));
    ASSERT_TRUE(loop_.run_until([&] { return !vm("b")->migration().plugging_back(); }));
    EXPECT_FALSE(other_.has_device("ivshmemd.x"));
}

TEST_F(TransactionDetach, NeedNotWaitForTheGuests) {
    start_with_devices();
    other_.set_guest(FakePc::Guest::keeps);
    TransactionWishes wishes = patient(Milliseconds(0));
    wishes.may_pend = true;
    wishes.remove_regions = true;
    const Result<TransactionResult> done = run(detach_both("x"), wishes);
    ASSERT_TRUE(done) << done.error().message;
    EXPECT_EQ(done->vms[1].detached[0], Detached::pending);
    EXPECT_TRUE(region_exists("x"));
    ASSERT_TRUE(loop_.run_until([&] { return !pc_.has_device("ivshmemd.x"); }));
    other_.eject("ivshmemd.x");
    ASSERT_TRUE(loop_.run_until([&] { return !region_exists("x"); }));
}

TEST_F(TransactionDetach, DoesNotCountAMachineThatDiesAsLeft) {
    start_with_devices();
    other_.set_guest(FakePc::Guest::keeps);
    const auto running = start_run(detach_both("x"));
    ASSERT_TRUE(loop_.run_until(
        [&] { return other_.count("device_del") == 1 && !pc_.has_device("ivshmemd.x"); }));
    other_.die();
    const Result<TransactionResult> done = finish(running);
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().vm, "b");
    EXPECT_THAT(leftovers(done.error()), IsEmpty());
    EXPECT_TRUE(pc_.has_device("ivshmemd.x"));
}

class TransactionExchange : public TransactionFixture {
  protected:
    static DeviceRequest master(const std::string& name) {
        DeviceRequest wanted = request(name);
        wanted.role = Role::master;
        return wanted;
    }
    /// "a" is the region's master, "b" a peer.
    void start_with_master() {
        start_both();
        ASSERT_TRUE(attach_now(master("x")));
        ASSERT_TRUE(attach_now(request("x"), "b"));
    }
    std::vector<VmPlan> change_places() {
        return {{"a", {request("x")}, {"x"}}, {"b", {master("x")}, {"x"}}};
    }
};

TEST_F(TransactionExchange, MovesTheRegionsMasterToAnotherVm) {
    start_with_master();
    const Result<TransactionResult> done = run(change_places());
    ASSERT_TRUE(done) << done.error().message;
    EXPECT_EQ(pc_.given("ivshmemd.x")["master"], "off");
    EXPECT_EQ(other_.given("ivshmemd.x")["master"], "on");
}

TEST_F(TransactionExchange, AttachesAllElseBeforeAnythingLeaves) {
    start_with_master();
    std::vector<VmPlan> plans = change_places();
    plans[0].attach.push_back(request("y"));
    plans[1].attach.push_back(request("y"));
    ASSERT_TRUE(run(plans));
    const auto step = [&](const std::string& text) {
        return std::find(steps_.begin(), steps_.end(), text) - steps_.begin();
    };
    EXPECT_LT(step("attaching: attaching y to b"), step("detaching: detaching x from a"));
    EXPECT_LT(step("detaching: detaching x from b"), step("attaching: attaching x to a"));
}

TEST_F(TransactionExchange, GivesEverybodyBackWhatTheyHad) {
    start_with_master();
    other_.on("device_add", [this](const nlohmann::json& arguments) {
        const bool again = arguments["master"] == "off";
        return again ? other_.real("device_add", arguments) : FakeQemu::error("GenericError", "no");
    });
    const Result<TransactionResult> done = run(change_places());
    ASSERT_FALSE(done);
    EXPECT_THAT(faults(done.error()), ElementsAre("b/x QemuError"));
    EXPECT_THAT(leftovers(done.error()), IsEmpty()) << done.error().message;
    EXPECT_EQ(pc_.given("ivshmemd.x")["master"], "on");
    EXPECT_EQ(other_.given("ivshmemd.x")["master"], "off");
    EXPECT_THAT(steps_, Contains("undoing: plugging x back into a"));
}

TEST_F(TransactionExchange, NamesWhatCannotBePutBack) {
    start_with_master();
    other_.on("device_add",
              [](const nlohmann::json&) { return FakeQemu::error("GenericError", "no"); });
    const Result<TransactionResult> done = run(change_places());
    ASSERT_FALSE(done);
    EXPECT_THAT(leftovers(done.error()), ElementsAre("b/x"));
    EXPECT_TRUE(region_exists("x"));
    ASSERT_TRUE(loop_.run_until([&] { return !vm("b")->migration().plugging_back(); }));
    EXPECT_EQ(hold_notes(host_)[0].mend, "ivshmemctl replug b");
    other_.on("device_add", [this](const nlohmann::json& arguments) {
        return other_.real("device_add", arguments);
    });
    ASSERT_TRUE(finish(loop_.start(replug(vm("b"), std::nullopt))));
    EXPECT_EQ(other_.given("ivshmemd.x")["master"], "off");
    EXPECT_TRUE(hold_notes(host_).empty());
}

}  // namespace
}  // namespace ivshmemd::test
