#include <gmock/gmock.h>

#include "daemon/migration/migrate.h"
#include "tests/daemon/migration/migrate_fixture.h"

// A VM migrates while peers of an earlier migration still wait to be plugged in.

namespace ivshmemd::test {
namespace {

using testing::ElementsAre;

class MigrateAgain : public MigrateFixture {
  protected:
    static std::vector<std::string> names(const std::vector<DeviceSpec>& devices) {
        std::vector<std::string> result;
        for (const DeviceSpec& spec : devices) result.push_back(spec.name);
        return result;
    }

    /// VM "b" has moved into "a", as far as that, without a peer "far".
    void leave_behind_from_b(MigrationPhase phase) {
        DeviceSpec far;
        far.name = "far";
        far.size = mebibyte;
        far.region = "far";
        far.bus = "pci.0";
        far.slot = 12;
        MigrationRecord record{"b", vm()->uuid(), phase, "unix:/in", "a", false, {far}};
        loop_.run(put_record(*host_.store, std::move(record)));
    }

    Result<Migrated> migrate_to_the_end() {
        const auto running = start_migrate();
        EXPECT_TRUE(wait_migrating());
        migration_.move_to("completed", "postmigrate");
        return finish(running);
    }

    void resume_source() {
        pc_.set_run_state("running", "RESUME");
        ASSERT_TRUE(loop_.run_until([this] { return vm()->run_state() == "running"; }));
    }

    const std::vector<MigrationRecord>& records() { return host_.store->get().migrations; }
};

TEST_F(MigrateAgain, TakesAlongWhatNobodyPluggedInSince) {
    start_with_peers();
    const DeviceSpec p2 = vm()->device("p2")->spec;
    ASSERT_TRUE(migrate_to_the_end());
    resume_source();
    DeviceRequest larger = request("p1");
    larger.region = "other";
    ASSERT_TRUE(attach_now(larger));
    const Result<Migrated> again = migrate_to_the_end();
    ASSERT_TRUE(again) << again.error().message;
    ASSERT_THAT(names(again->detached), ElementsAre("p1", "p2"));
    EXPECT_EQ(again->detached[0].region, "other") << "what is there counts";
    EXPECT_EQ(again->detached[1], p2);
    ASSERT_EQ(records().size(), 1u);
    EXPECT_EQ(records()[0].devices, again->detached);
}

TEST_F(MigrateAgain, TakesAlongWhatItShouldHaveGotWhenItArrived) {
    start_with_peers();
    leave_behind_from_b(MigrationPhase::completed);
    const Result<Migrated> result = migrate_to_the_end();
    ASSERT_TRUE(result) << result.error().message;
    EXPECT_THAT(names(result->detached), ElementsAre("p1", "p2", "far"));
    ASSERT_EQ(records().size(), 1u) << "one VM is at one place";
    EXPECT_EQ(records()[0].vm, "a");
}

TEST_F(MigrateAgain, LeavesARecordAloneThatIsStillFollowed) {
    start_with_peers();
    leave_behind_from_b(MigrationPhase::migrating);
    const Result<Migrated> result = migrate_to_the_end();
    ASSERT_TRUE(result) << result.error().message;
    EXPECT_THAT(names(result->detached), ElementsAre("p1", "p2"));
    EXPECT_EQ(records().size(), 2u);
}

TEST_F(MigrateAgain, PlugsThatInTooWhenItComesToNothing) {
    start_with_peers();
    leave_behind_from_b(MigrationPhase::completed);
    const auto running = start_migrate();
    ASSERT_TRUE(wait_migrating());
    migration_.fail("Broken pipe");
    EXPECT_FALSE(finish(running));
    expect_all_at_source();
    EXPECT_TRUE(pc_.has_device("ivshmemd.far"));
    EXPECT_TRUE(records().empty());
}

TEST_F(MigrateAgain, ThatIsRefusedForgetsNothing) {
    start_with_peers();
    leave_behind_from_b(MigrationPhase::completed);
    migration_.set_blocked({"The vvfat disk does not support live migration"});
    EXPECT_FALSE(finish(start_migrate()));
    ASSERT_EQ(records().size(), 1u);
    EXPECT_EQ(records()[0].vm, "b");
    EXPECT_FALSE(pc_.has_device("ivshmemd.far"));
}

}  // namespace
}  // namespace ivshmemd::test
