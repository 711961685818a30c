#include "daemon/migration/check.h"
#include "daemon/migration/replug.h"
#include "tests/daemon/hold/hold_fixture.h"

// How the devices of a VM are taken out for a client, and what is refused meanwhile.

namespace ivshmemd::test {
namespace {

using testing::HasSubstr;

TEST_F(HoldTest, TakesThePeersOutAndBringsThemBackWhereTheyWere) {
    start_with_peers();
    const int slot = pc_.slot_of("ivshmemd.p1");
    ASSERT_TRUE(finish(start_hold()));
    EXPECT_TRUE(has("m"));
    EXPECT_FALSE(has("p1"));
    EXPECT_FALSE(has("p2"));
    EXPECT_EQ(hold_->devices.size(), 2u);
    EXPECT_EQ(note().phase, HoldNote::Phase::held);
    EXPECT_EQ(migration_record(*host_.store, vm()->key())->phase, MigrationPhase::held);
    ASSERT_TRUE(finish(start_release()));
    EXPECT_EQ(hold_->story.phase(), HoldPhase::back);
    expect_all_at_source();
    EXPECT_EQ(pc_.slot_of("ivshmemd.p1"), slot);
    EXPECT_TRUE(hold_notes(host_).empty());
    EXPECT_TRUE(attach_now(request("x"))) << "nobody holds it any more";
}

TEST_F(HoldTest, TakesMastersOutWhenToldTo) {
    start_with_peers();
    ASSERT_TRUE(finish(start_hold(true)));
    EXPECT_FALSE(has("m"));
    leave_client();
    ASSERT_TRUE(wait_settled());
    expect_all_at_source();
    EXPECT_EQ(vm()->device("m")->spec.role, Role::master);
}

TEST_F(HoldTest, OfAVmWithoutPeersIsOneAllTheSame) {
    start();
    ASSERT_TRUE(finish(start_hold()));
    EXPECT_EQ(attach_now(request("x")).error().kind, ErrorKind::operation_in_progress);
    ASSERT_TRUE(finish(start_release()));
    EXPECT_TRUE(host_.store->get().migrations.empty());
}

TEST_F(HoldTest, RefusesWhateverElseWouldChangeTheVm) {
    hold();
    const auto held = ErrorKind::operation_in_progress;
    EXPECT_EQ(attach_now(request("x")).error().kind, held);
    EXPECT_EQ(detach_now(leave("m")).error().kind, held);
    EXPECT_EQ(finish(start_migrate()).error().kind, held);
    EXPECT_EQ(finish(loop_.start(replug(vm(), std::nullopt))).error().kind, held);
    const std::shared_ptr<Hold> first = hold_;
    const Result<Nothing> second = finish(start_hold());
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().kind, held);
    EXPECT_THAT(second.error().message, HasSubstr("held by a client"));
    EXPECT_EQ(host_.holds["a"], first);
    hold_ = first;
    ASSERT_TRUE(finish(start_release()));
    expect_all_at_source();
}

TEST_F(HoldTest, OfAGuestThatKeepsAPeerFailsAndEverythingComesBack) {
    start_with_peers();
    pc_.on("device_del", [this](const nlohmann::json& arguments) {
        pc_.set_guest(arguments["id"] == "ivshmemd.p2" ? FakePc::Guest::keeps
                                                       : FakePc::Guest::lets_go);
        return pc_.real("device_del", arguments);
    });
    const Result<Nothing> held = finish(start_hold(false, Milliseconds(100)));
    ASSERT_FALSE(held);
    EXPECT_EQ(held.error().kind, ErrorKind::timed_out);
    EXPECT_EQ(detail(held.error(), "outcome"), "undone");
    EXPECT_THAT(held.error().message, HasSubstr("the VM is not held"));
    EXPECT_TRUE(has("p1"));
    EXPECT_EQ(note().phase, HoldNote::Phase::returning);
    pc_.eject("ivshmemd.p2");
    ASSERT_TRUE(loop_.run_until([this] { return !migration_record(*host_.store, vm()->key()); }));
    expect_all_at_source();
    EXPECT_TRUE(hold_notes(host_).empty());
}

TEST_F(HoldTest, OfAGuestThatRefusesFailsAndEverythingComesBack) {
    start_with_peers();
    pc_.set_guest(FakePc::Guest::refuses);
    const Result<Nothing> held = finish(start_hold());
    ASSERT_FALSE(held);
    EXPECT_EQ(held.error().kind, ErrorKind::detach_refused);
    expect_all_at_source();
    EXPECT_TRUE(host_.holds.empty());
}

TEST_F(HoldTest, RefusesAVmWithAForeignPeer) {
    start_with_peers();
    pc_.put_backend("theirs", {region_path("theirs"), mebibyte, false});
    pc_.put_device("foreign", {.slot = 9, .backend = "theirs"});
    const Result<Nothing> held = finish(start_hold());
    ASSERT_FALSE(held);
    EXPECT_EQ(held.error().kind, ErrorKind::migration_blocked);
    EXPECT_THAT(held.error().message, HasSubstr("foreign"));
    EXPECT_EQ(pc_.count("device_del"), 0u);
    EXPECT_TRUE(host_.holds.empty());
}

// As migrate does without force, but what the client is about may be no migration.
TEST_F(HoldTest, TellsWhatCanMigrateWarnsOf) {
    pc_.qemu().version(10, 0, 13);
    start_with_peers();
    const Result<Nothing> held = finish(start_hold());
    ASSERT_TRUE(held) << held.error().message;
    ASSERT_EQ(hold_->warnings.size(), 1u);
    EXPECT_THAT(hold_->warnings[0].text, HasSubstr("without KVM can die"));
    const Result<MigrationVerdict> verdict = finish(loop_.start(check_vm_migration(vm())));
    ASSERT_TRUE(verdict);
    EXPECT_EQ(verdict->reasons, hold_->warnings);
    EXPECT_THAT(note().text, HasSubstr("can-migrate a"));
    ASSERT_TRUE(finish(start_release()));
    expect_all_at_source();
}

TEST_F(HoldTest, WarnsOfNoMasterThatIsOutToo) {
    pc_.qemu().version(10, 0, 13);
    start_with_peers();
    ASSERT_TRUE(finish(start_hold(true)));
    EXPECT_THAT(hold_->warnings, testing::IsEmpty());
    EXPECT_THAT(note().text, testing::Not(HasSubstr("can-migrate")));
    ASSERT_TRUE(finish(start_release()));
}

TEST_F(HoldTest, RefusesAVmThatMigrates) {
    start_with_peers();
    migration_.move_to("active", "running");
    EXPECT_EQ(finish(start_hold()).error().kind, ErrorKind::migration_active);
    EXPECT_EQ(pc_.count("device_del"), 0u);
}

}  // namespace
}  // namespace ivshmemd::test
