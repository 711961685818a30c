#include "daemon/migration/plug_back.h"

#include <gmock/gmock.h>

#include "tests/daemon/migration/migrate_fixture.h"

namespace ivshmemd::test {
namespace {

using testing::HasSubstr;

class MigrateUndo : public MigrateFixture {};

TEST_F(MigrateUndo, ThatFailsPlugsThePeersBackWhereTheyWere) {
    start_with_peers();
    const int slot = pc_.slot_of("ivshmemd.p1");
    const auto running = start_migrate();
    ASSERT_TRUE(wait_migrating());
    migration_.fail("Broken pipe");
    const Result<Migrated> result = finish(running);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().kind, ErrorKind::qemu_error);
    EXPECT_EQ(detail(result.error(), "command"), "migrate");
    EXPECT_EQ(detail(result.error(), "description"), "Broken pipe");
    expect_all_at_source();
    EXPECT_EQ(pc_.slot_of("ivshmemd.p1"), slot);
}

TEST_F(MigrateUndo, ThatIsCancelledPlugsThePeersBack) {
    start_with_peers();
    const auto running = start_migrate();
    ASSERT_TRUE(wait_migrating());
    migration_.move_to("cancelling", "running");
    pass(Milliseconds(50));
    EXPECT_FALSE(running->done) << "QEMU takes no device before it is cancelled";
    migration_.move_to("cancelled", "running");
    const Result<Migrated> result = finish(running);
    ASSERT_FALSE(result);
    EXPECT_THAT(result.error().message, HasSubstr("cancelled"));
    expect_all_at_source();
}

TEST_F(MigrateUndo, ThatQemuRefusesPlugsThePeersBack) {
    migration_.refuse_start("the disk says no");
    start_with_peers();
    const Result<Migrated> result = finish(start_migrate());
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().kind, ErrorKind::qemu_error);
    EXPECT_EQ(detail(result.error(), "description"), "the disk says no");
    expect_all_at_source();
}

TEST_F(MigrateUndo, OfAGuestThatKeepsAPeerIsGivenUpAndThePeerComesBackLater) {
    start_with_peers();
    pc_.on("device_del", [this](const nlohmann::json& arguments) {
        pc_.set_guest(arguments["id"] == "ivshmemd.p2" ? FakePc::Guest::keeps
                                                       : FakePc::Guest::lets_go);
        return pc_.real("device_del", arguments);
    });
    const Result<Migrated> result = finish(start_migrate(true, Milliseconds(100)));
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().kind, ErrorKind::timed_out);
    EXPECT_EQ(detail(result.error(), "outcome"), "undone");
    EXPECT_THAT(result.error().message, HasSubstr("p2"));
    EXPECT_TRUE(pc_.has_device("ivshmemd.p1")) << "plugged back";
    EXPECT_EQ(migration_record(*host_.store, vm()->key())->phase, MigrationPhase::replugging);
    EXPECT_FALSE(vm()->migration().claimed()) << "others may change the VM";
    pc_.eject("ivshmemd.p2");
    ASSERT_TRUE(loop_.run_until([this] { return !migration_record(*host_.store, vm()->key()); }));
    expect_all_at_source();
}

TEST_F(MigrateUndo, BringsALatecomerBackAlthoughAnotherCannotBe) {
    start_with_peers();
    pc_.on("device_del", [this](const nlohmann::json& arguments) {
        pc_.set_guest(arguments["id"] == "ivshmemd.p2" ? FakePc::Guest::keeps
                                                       : FakePc::Guest::lets_go);
        return pc_.real("device_del", arguments);
    });
    pc_.on("device_add", [this](const nlohmann::json& arguments) {
        if (arguments["id"] == "ivshmemd.p2") return pc_.real("device_add", arguments);
        return FakeQemu::error("GenericError", "no more of these");
    });
    EXPECT_FALSE(finish(start_migrate(true, Milliseconds(100))));
    EXPECT_FALSE(pc_.has_device("ivshmemd.p1"));
    EXPECT_TRUE(vm()->migration().plugging_back());
    pc_.eject("ivshmemd.p2");
    ASSERT_TRUE(loop_.run_until([this] { return !vm()->migration().plugging_back(); }));
    EXPECT_TRUE(pc_.has_device("ivshmemd.p2"));
    const auto record = migration_record(*host_.store, vm()->key());
    ASSERT_TRUE(record);
    EXPECT_EQ(record->devices.size(), 1u);
}

TEST_F(MigrateUndo, DoesNotPlugBackWhatAClientTakesOutMeanwhile) {
    start_with_peers();
    pc_.set_guest(FakePc::Guest::keeps);
    EXPECT_FALSE(finish(start_migrate(true, Milliseconds(50))));
    const auto detaching = start_detach(leave("p1"));
    pass(Milliseconds(20));
    pc_.eject("ivshmemd.p1");
    ASSERT_TRUE(finish(detaching));
    pass(Milliseconds(100));
    EXPECT_FALSE(pc_.has_device("ivshmemd.p1"));
    EXPECT_FALSE(migration_record(*host_.store, vm()->key()));
}

TEST_F(MigrateUndo, OfAGuestThatRefusesIsGivenUp) {
    start_with_peers();
    pc_.set_guest(FakePc::Guest::refuses);
    const Result<Migrated> result = finish(start_migrate());
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().kind, ErrorKind::detach_refused);
    expect_all_at_source();
}

TEST_F(MigrateUndo, ThatQemuForgotIsUndone) {
    start_with_peers();
    const auto running = start_migrate();
    ASSERT_TRUE(wait_migrating());
    migration_.forget();
    EXPECT_FALSE(finish(running));
    expect_all_at_source();
}

}  // namespace
}  // namespace ivshmemd::test
