#include "daemon/migration/replug.h"
#include "tests/daemon/hold/hold_fixture.h"

// What comes after: the devices are back, or the VM has left, and nobody has forgotten them.

namespace ivshmemd::test {
namespace {

using testing::HasSubstr;

TEST_F(HoldTest, IsReleasedOnlyWhenAMigrationOfOthersHasEnded) {
    hold();
    migration_.move_to("active", "running");
    const auto releasing = start_release();
    pass(Milliseconds(200));
    EXPECT_FALSE(releasing->done);
    EXPECT_FALSE(has("p1"));
    EXPECT_EQ(note().phase, HoldNote::Phase::returning);
    EXPECT_THAT(note().text, HasSubstr("it is migrating (active)"));
    migration_.move_to("failed", "running");
    ASSERT_TRUE(finish(releasing));
    expect_all_at_source();
    ASSERT_FALSE(steps_.empty());
    EXPECT_EQ(steps_.back().phase, "releasing");
}

TEST_F(HoldTest, IsReleasedOnlyWhenASnapshotIsTaken) {
    hold();
    pc_.set_run_state("save-vm", "STOP");
    leave_client();
    pass(Milliseconds(200));
    EXPECT_FALSE(has("p1"));
    EXPECT_THAT(note().text, HasSubstr("save-vm"));
    pc_.set_run_state("running", "RESUME");
    ASSERT_TRUE(wait_settled());
    expect_all_at_source();
}

TEST_F(HoldTest, OfAVmThatHasLeftKeepsWhatIsOutForReplug) {
    hold();
    migration_.move_to("completed", "postmigrate");
    ASSERT_TRUE(finish(start_release()));
    EXPECT_EQ(hold_->story.phase(), HoldPhase::left);
    EXPECT_EQ(left_out(host_, "a").size(), 2u);
    EXPECT_EQ(note().phase, HoldNote::Phase::out);
    EXPECT_EQ(note().mend, "ivshmemctl replug a");
    EXPECT_FALSE(has("p1"));
    migration_.move_to("completed", "running");  // somebody took it back
    const auto back = finish(loop_.start(replug(vm(), std::nullopt)));
    ASSERT_TRUE(back) << back.error().message;
    expect_all_at_source();
    EXPECT_TRUE(hold_notes(host_).empty());
}

TEST_F(HoldTest, OfAVmWhoseQemuEndedKeepsWhatIsOutForReplug) {
    hold();
    pc_.die();
    ASSERT_TRUE(wait_state(VmState::unreachable));
    leave_client();
    ASSERT_TRUE(wait_settled());
    EXPECT_EQ(hold_->story.phase(), HoldPhase::left);
    EXPECT_EQ(note().mend, "ivshmemctl replug a");
    EXPECT_EQ(host_.store->get().migrations[0].phase, MigrationPhase::completed);
}

TEST_F(HoldTest, ForgetsWhatWasPluggedInWhereTheVmArrivedBeforeItIsReleased) {
    hold();
    SavedState state = host_.store->get();
    state.migrations[0].uuid = "22222222-0000-0000-0000-000000000000";  // that of "b"
    state.migrations[0].vm = "c";
    loop_.run(host_.store->put(state));
    other_.listen(socket("b"));
    ASSERT_TRUE(wait_state(VmState::connected, "b"));
    const auto there = finish(loop_.start(replug(vm("b"), std::nullopt)));
    ASSERT_TRUE(there) << there.error().message;
    EXPECT_EQ(there->size(), 2u);
    EXPECT_TRUE(host_.store->get().migrations.empty());
    migration_.move_to("completed", "postmigrate");
    ASSERT_TRUE(finish(start_release()));
    EXPECT_TRUE(host_.store->get().migrations.empty());
    EXPECT_TRUE(hold_notes(host_).empty());
}

TEST_F(HoldTest, WaitsForAConnectionThatWasLostForAMoment) {
    hold();
    host_.deadlines.migration_lost = Milliseconds(60000);
    vm()->session()->close(Error(ErrorKind::vm_unavailable, "cut"));
    leave_client();
    ASSERT_TRUE(wait_settled());
    expect_all_at_source();
}

TEST_F(HoldTest, TriesAgainWhenAMigrationBeganAsThePeersCameBack) {
    hold();
    int times = 0;
    pc_.on("device_add", [&](const nlohmann::json& arguments) {
        if (times++ > 0) return pc_.real("device_add", arguments);
        migration_.move_to("active", "running");
        return nlohmann::json{
            {"error",
             {{"class", "GenericError"}, {"desc", "device_add not allowed while migrating"}}}};
    });
    leave_client();
    ASSERT_TRUE(loop_.run_until([&] { return times == 1; }));
    pass(Milliseconds(100));
    EXPECT_EQ(hold_->story.phase(), HoldPhase::waiting);
    EXPECT_EQ(host_.store->get().migrations[0].phase, MigrationPhase::held);
    migration_.move_to("cancelled", "running");
    ASSERT_TRUE(wait_settled());
    expect_all_at_source();
}

TEST_F(HoldTest, NamesWhatCouldNotBePluggedInAgain) {
    hold();
    pc_.on("device_add", [](const nlohmann::json&) {
        return nlohmann::json{{"error", {{"class", "GenericError"}, {"desc", "no more of these"}}}};
    });
    ASSERT_TRUE(finish(start_release()));
    EXPECT_EQ(hold_->problems.size(), 2u);
    EXPECT_EQ(left_out(host_, "a").size(), 2u);
    EXPECT_EQ(note().phase, HoldNote::Phase::out);
    EXPECT_FALSE(vm()->migration().claimed());
}

TEST_F(HoldTest, GoesOnOverADropOfTheVm) {
    hold();
    host_.config.vms.erase(host_.config.vms.begin());
    registry_.follow_config();
    ASSERT_FALSE(vm());
    EXPECT_EQ(note().phase, HoldNote::Phase::held);
    ASSERT_TRUE(finish(start_release()));
    EXPECT_EQ(hold_->story.phase(), HoldPhase::left);
    EXPECT_TRUE(host_.holds.empty());
    EXPECT_EQ(host_.store->get().migrations[0].phase, MigrationPhase::completed);
    EXPECT_EQ(note().mend, "ivshmemctl replug a");
}

TEST_F(HoldTest, GoesOnWhenTheVmComesBackToBeLookedAfter) {
    hold();
    const std::vector<VmConfig> vms = host_.config.vms;
    host_.config.vms.erase(host_.config.vms.begin());
    registry_.follow_config();
    host_.config.vms = vms;
    registry_.follow_config();
    ASSERT_TRUE(wait_state(VmState::connected));
    ASSERT_TRUE(loop_.run_until([this] { return vm()->migration().claimed(); }));
    EXPECT_EQ(attach_now(request("x")).error().kind, ErrorKind::operation_in_progress);
    EXPECT_FALSE(has("p1"));
    ASSERT_TRUE(finish(start_release()));
    expect_all_at_source();
}

TEST_F(HoldTest, IsBroughtToItsEndByALaterDaemon) {
    MigrationRecord record{
        "a", "11111111-0000-0000-0000-000000000000", MigrationPhase::held, "", "", false, {}};
    DeviceSpec spec;
    spec.name = "p1";
    spec.size = mebibyte;
    spec.region = "p1";
    spec.bus = "pci.0";
    spec.slot = 20;
    record.devices.push_back(spec);
    loop_.run(put_record(*host_.store, record));
    EXPECT_EQ(note().phase, HoldNote::Phase::out) << "nobody is there to bring it back yet";
    host_.deadlines.migration_poll = Milliseconds(20);
    migration_.move_to("active", "running");
    start();
    pass(Milliseconds(200));
    EXPECT_FALSE(has("p1")) << "somebody migrates it still";
    EXPECT_EQ(note().phase, HoldNote::Phase::returning);
    migration_.move_to("cancelled", "running");
    ASSERT_TRUE(loop_.run_until([this] { return host_.store->get().migrations.empty(); }));
    EXPECT_TRUE(has("p1"));
    EXPECT_EQ(pc_.slot_of("ivshmemd.p1"), 20);
}

}  // namespace
}  // namespace ivshmemd::test
