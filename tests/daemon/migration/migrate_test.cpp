#include "daemon/migration/migrate.h"

#include <gmock/gmock.h>

#include "daemon/migration/replug.h"
#include "tests/daemon/migration/migrate_fixture.h"

namespace ivshmemd::test {
namespace {

using testing::HasSubstr;

class Migrate : public MigrateFixture {};

TEST_F(Migrate, TakesThePeersOutAndRemembersThem) {
    start_with_peers();
    const auto running = start_migrate();
    ASSERT_TRUE(wait_migrating());
    EXPECT_FALSE(pc_.has_device("ivshmemd.p1"));
    EXPECT_TRUE(pc_.has_device("ivshmemd.m"));
    EXPECT_EQ(migration_record(*host_.store, vm()->key())->phase, MigrationPhase::migrating);
    ASSERT_TRUE(loop_.run_until([this] {
        return std::any_of(steps_.begin(), steps_.end(),
                           [](const MigrationStep& step) { return step.phase == "migrating"; });
    }));
    EXPECT_EQ(steps_.back().done, 1u << 20);
    EXPECT_EQ(steps_.back().total, 4u << 20);
    EXPECT_THAT(steps_.back().text, HasSubstr("3 MiB remaining"));
    migration_.move_to("completed", "postmigrate");
    const Result<Migrated> result = finish(running);
    ASSERT_TRUE(result) << result.error().message;
    ASSERT_EQ(result->detached.size(), 2u);
    EXPECT_EQ(result->detached[0].name, "p1");
    EXPECT_EQ(migration_record(*host_.store, vm()->key())->phase, MigrationPhase::completed);
    EXPECT_EQ(migration_record(*host_.store, vm()->key())->devices, result->detached);
}

TEST_F(Migrate, OfMastersOnlyLeavesNothingToRemember) {
    start_with_peers();
    ASSERT_TRUE(detach_now(leave("p1")));
    ASSERT_TRUE(detach_now(leave("p2")));
    const auto running = start_migrate(false);
    ASSERT_TRUE(wait_migrating());
    migration_.move_to("completed", "postmigrate");
    const Result<Migrated> result = finish(running);
    ASSERT_TRUE(result) << result.error().message;
    EXPECT_TRUE(result->detached.empty());
    EXPECT_FALSE(migration_record(*host_.store, vm()->key()));
}

TEST_F(Migrate, HasQemuWaitForItsDestinationAndSwitchesThatOffAgain) {
    start_with_peers();
    const auto running = start_migrate();
    ASSERT_TRUE(wait_migrating());
    EXPECT_TRUE(migration_.had_return_path());
    migration_.fail("no");
    EXPECT_FALSE(finish(running));
    EXPECT_FALSE(migration_.capability("return-path"));
    EXPECT_TRUE(migration_.capability("events"));
}

TEST_F(Migrate, DoesWithoutAReturnPathWhereThereIsNone) {
    migration_.lack_capability("return-path");
    start_with_peers();
    const auto running = start_migrate();
    ASSERT_TRUE(wait_migrating());
    migration_.move_to("completed", "postmigrate");
    EXPECT_TRUE(finish(running));
}

TEST_F(Migrate, IsBlockedByPeersUnlessTheyAreTakenOut) {
    start_with_peers();
    const Result<Migrated> result = finish(start_migrate(false));
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().kind, ErrorKind::migration_blocked);
    EXPECT_THAT(result.error().message, HasSubstr("p1: "));
    EXPECT_THAT(result.error().message, HasSubstr("p2: "));
    EXPECT_EQ(pc_.count("device_del"), 0u);
}

TEST_F(Migrate, WantsTheDirectoryOfItsSocketBeforeAnythingIsTouched) {
    start_with_peers();
    MigrateRequest wanted{"unix:/no/such/directory/in.sock", {true, false}, Milliseconds(5000)};
    const MigrationProgress silent = [](const MigrationStep&) {};
    const Result<Migrated> refused = finish(loop_.start(migrate(vm(), wanted, silent)));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind, ErrorKind::invalid_parameter);
    EXPECT_THAT(refused.error().message, HasSubstr("/no/such/directory"));
    EXPECT_EQ(pc_.count("device_del"), 0u);
    expect_all_at_source();
    // It is QEMU that has to find it, and who says force knows better.
    wanted.wishes.force = true;
    const auto running = loop_.start(migrate(vm(), wanted, silent));
    ASSERT_TRUE(wait_migrating());
    migration_.fail("no such file");
    EXPECT_EQ(finish(running).error().kind, ErrorKind::qemu_error);
    expect_all_at_source();
}

TEST_F(Migrate, IsBlockedByWhateverQemuKnowsBesides) {
    start_with_peers();
    migration_.set_blocked({"The vvfat disk does not support live migration"});
    const Result<Migrated> result = finish(start_migrate());
    ASSERT_FALSE(result);
    EXPECT_THAT(result.error().message, HasSubstr("vvfat"));
    EXPECT_EQ(pc_.count("device_del"), 0u);
    expect_all_at_source();
}

TEST_F(Migrate, RefusesChangesFromItsFirstStepToItsLast) {
    start_with_peers();
    pc_.set_guest(FakePc::Guest::keeps);
    const auto running = start_migrate();
    ASSERT_TRUE(loop_.run_until([this] { return pc_.count("device_del") > 0; }));
    for (const bool qemu_migrates : {false, true}) {
        SCOPED_TRACE(qemu_migrates);
        const Result<Attached> attached = attach_now(request("x"));
        ASSERT_FALSE(attached);
        EXPECT_EQ(attached.error().kind, ErrorKind::migration_active);
        const Result<Detached> detached = detach_now(leave("m"));
        ASSERT_FALSE(detached);
        EXPECT_EQ(detached.error().kind, ErrorKind::migration_active);
        const Result<Migrated> second = finish(start_migrate());
        ASSERT_FALSE(second);
        EXPECT_EQ(second.error().kind, ErrorKind::migration_active);
        if (qemu_migrates) break;
        pc_.set_guest(FakePc::Guest::lets_go);
        ASSERT_TRUE(wait_migrating());
    }
    migration_.move_to("completed", "postmigrate");
    EXPECT_TRUE(finish(running));
}

TEST_F(Migrate, GoesOnOverALostConnection) {
    start_with_peers();
    const auto running = start_migrate();
    ASSERT_TRUE(wait_migrating());
    pc_.qemu().disconnect();
    ASSERT_TRUE(loop_.run_until([this] { return vm()->state() != VmState::connected; }));
    ASSERT_TRUE(wait_state(VmState::connected));
    migration_.move_to("completed", "postmigrate");
    const Result<Migrated> result = finish(running);
    ASSERT_TRUE(result) << result.error().message;
    EXPECT_EQ(result->detached.size(), 2u);
}

TEST_F(Migrate, ChecksADestinationOfItsOwnBeforeAnythingIsTouched) {
    other_.set_run_state("inmigrate");
    other_migration_.listen_at("/in.sock");
    other_.listen(socket("b"));
    start_with_peers();
    ASSERT_TRUE(wait_state(VmState::connected, "b"));
    const Result<Migrated> result = finish(start_migrate());
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().kind, ErrorKind::migration_blocked);
    EXPECT_THAT(result.error().message, HasSubstr("m: the destination b has no such device"));
    EXPECT_EQ(pc_.count("device_del"), 0u);
}

TEST_F(Migrate, RefusesADestinationWithoutTheModelOfAPeer) {
    other_.set_run_state("inmigrate");
    other_migration_.listen_at("/in.sock");
    other_.on("qom-list-types", [](const nlohmann::json&) {
        return FakeQemu::ok(nlohmann::json::array({{{"name", "ivshmem-doorbell"}}}));
    });
    other_.on("device-list-properties", [](const nlohmann::json&) {
        return FakeQemu::error("DeviceNotFound", "no such type");
    });
    other_.listen(socket("b"));
    start_with_peers();
    ASSERT_TRUE(wait_state(VmState::connected, "b"));
    ASSERT_TRUE(detach_now(leave("m")));
    const Result<Migrated> result = finish(start_migrate());
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().kind, ErrorKind::model_not_supported);
    EXPECT_THAT(result.error().message, HasSubstr("destination b cannot take p1"));
    EXPECT_EQ(detail(result.error(), "model"), "ivshmem_plain");
    EXPECT_EQ(pc_.count("device_del"), 1u) << "that of the master";
}

TEST_F(Migrate, IsOverWhenItsSourceEndsAfterTheDestinationRuns) {
    other_.set_run_state("inmigrate");
    other_migration_.listen_at("/in.sock");
    other_.listen(socket("b"));
    start_with_peers();
    ASSERT_TRUE(detach_now(leave("m")));
    ASSERT_TRUE(wait_state(VmState::connected, "b"));
    const auto running = start_migrate();
    ASSERT_TRUE(wait_migrating());
    other_migration_.move_to("completed", "running");
    ASSERT_TRUE(loop_.run_until([this] { return vm("b")->run_state() == "running"; }));
    std::filesystem::remove(socket("a"));
    pc_.qemu().disconnect();
    const Result<Migrated> result = finish(running);
    ASSERT_TRUE(result) << result.error().message;

    const auto back = finish(loop_.start(replug(vm("b"), std::nullopt)));
    ASSERT_TRUE(back) << back.error().message;
    EXPECT_EQ(back->size(), 2u);
    EXPECT_TRUE(other_.has_device("ivshmemd.p1"));
    EXPECT_TRUE(other_.has_device("ivshmemd.p2"));
    EXPECT_TRUE(host_.store->get().migrations.empty());
}

TEST_F(Migrate, SaysSoWhenNobodyCanTellWhereTheVmIs) {
    start_with_peers();
    const auto running = start_migrate();
    ASSERT_TRUE(wait_migrating());
    std::filesystem::remove(socket("a"));
    pc_.qemu().disconnect();
    const Result<Migrated> result = finish(running);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().kind, ErrorKind::vm_unavailable);
    EXPECT_EQ(host_.store->get().migrations.at(0).phase, MigrationPhase::migrating);
}

}  // namespace
}  // namespace ivshmemd::test
