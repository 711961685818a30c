#include "daemon/migration/content.h"

#include <gmock/gmock.h>

#include "daemon/migration/check.h"
#include "tests/daemon/migration/migrate_fixture.h"

// A QEMU that is told, by whom and whenever, to leave the content of masters behind.

namespace ivshmemd::test {
namespace {

using testing::HasSubstr;

class MigrateContent : public MigrateFixture {
  protected:
    Error error_of_migrate() {
        const Result<Migrated> result = finish(start_migrate());
        EXPECT_FALSE(result) << "completed, it says";
        return result ? Error() : result.error();
    }
};

TEST_F(MigrateContent, ThatWouldStayBehindBlocks) {
    start_with_peers();
    migration_.set_capability("x-ignore-shared", true);
    const auto verdict = finish(loop_.start(check_vm_migration(vm())));
    ASSERT_TRUE(verdict);
    EXPECT_FALSE(verdict->allowed());
    const Error error = error_of_migrate();
    EXPECT_EQ(error.kind, ErrorKind::migration_blocked);
    EXPECT_THAT(error.message, HasSubstr("m: its content would stay behind"));
    EXPECT_EQ(pc_.count("device_del"), 0u) << "before anything is touched";
    EXPECT_EQ(pc_.count("migrate"), 0u);
}

TEST_F(MigrateContent, IsLookedAfterWhileThePeersLeave) {
    start_with_peers();
    pc_.on("device_del", [this](const nlohmann::json& arguments) {
        migration_.set_capability("x-ignore-shared", true);
        return pc_.real("device_del", arguments);
    });
    EXPECT_EQ(error_of_migrate().kind, ErrorKind::migration_blocked);
    EXPECT_EQ(pc_.count("migrate"), 0u);
    expect_all_at_source();
}

TEST_F(MigrateContent, IsLookedAfterRightBeforeTheStart) {
    start_with_peers();
    migration_.ignore_shared_at("return-path");
    EXPECT_EQ(error_of_migrate().kind, ErrorKind::migration_blocked);
    EXPECT_EQ(pc_.count("migrate"), 0u);
    EXPECT_FALSE(migration_.capability("return-path")) << "as it was";
    expect_all_at_source();
}

TEST_F(MigrateContent, IsLookedAfterRightAfterTheStart) {
    start_with_peers();
    migration_.ignore_shared_at("migrate");
    const Error error = error_of_migrate();
    EXPECT_EQ(error.kind, ErrorKind::qemu_error);
    EXPECT_THAT(error.message, HasSubstr("stays where it is"));
    EXPECT_THAT(error.message, HasSubstr("x-ignore-shared is on"));
    EXPECT_EQ(pc_.count("migrate_cancel"), 1u);
    expect_all_at_source();
}

TEST_F(MigrateContent, ThatStayedBehindIsNoCompletion) {
    start_with_peers();
    migration_.ignore_shared_at("migrate");
    migration_.outrun_cancel();
    const auto running = start_migrate();
    ASSERT_TRUE(loop_.run_until([this] { return pc_.count("migrate_cancel") > 0; }));
    migration_.move_to("completed", "postmigrate");
    const Result<Migrated> result = finish(running);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().kind, ErrorKind::qemu_error);
    EXPECT_THAT(result.error().message, HasSubstr("without the content of its masters"));
    EXPECT_THAT(result.error().message, HasSubstr("x-ignore-shared is on"));
}

TEST_F(MigrateContent, MovesInModesThatSaveIt) {
    start_with_peers();
    for (const char* mode : {"normal", "cpr-reboot", "cpr-transfer"}) {
        migration_.set_mode(mode);
        const auto verdict = finish(loop_.start(check_vm_migration(vm())));
        ASSERT_TRUE(verdict);
        for (const Reason& reason : verdict->reasons) EXPECT_NE(reason.device, "m") << mode;
    }
}

}  // namespace
}  // namespace ivshmemd::test
