#include "daemon/migration/forget.h"

#include <gmock/gmock.h>

#include "daemon/hold/notes.h"
#include "daemon/migration/replug.h"
#include "tests/daemon/migration/migrate_fixture.h"

namespace ivshmemd::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class Forget : public MigrateFixture {
  protected:
    Result<std::vector<DeviceSpec>> forget(const std::string& vm = "a") {
        return finish(loop_.start(forget_what_is_out(host_, vm, std::nullopt)));
    }
    static std::vector<std::string> names(const Result<std::vector<DeviceSpec>>& specs) {
        std::vector<std::string> found;
        if (!specs) return {specs.error().message};
        for (const DeviceSpec& spec : *specs) found.push_back(spec.name);
        return found;
    }
    void migrate_away() {
        start_with_peers();
        const auto running = start_migrate();
        ASSERT_TRUE(wait_migrating());
        migration_.move_to("completed", "postmigrate");
        ASSERT_TRUE(finish(running));
    }
};

TEST_F(Forget, GivesUpThePlanOfAMigration) {
    migrate_away();
    EXPECT_THAT(names(forget()), ElementsAre("p1", "p2"));
    EXPECT_TRUE(host_.store->get().migrations.empty());
    migration_.move_to("completed", "running");
    const auto again = finish(loop_.start(replug(vm(), std::nullopt)));
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_THAT(*again, IsEmpty());
}

TEST_F(Forget, IsRefusedWhileTheMigrationGoesOn) {
    start_with_peers();
    const auto running = start_migrate();
    ASSERT_TRUE(wait_migrating());
    EXPECT_EQ(forget().error().kind, ErrorKind::operation_in_progress);
    migration_.fail("Broken pipe");
    EXPECT_FALSE(finish(running));
    expect_all_at_source();
}

TEST_F(Forget, GivesUpWhatHasArrivedInAnother) {
    migrate_away();
    SavedState state = host_.store->get();
    state.migrations[0].destination = "b";
    loop_.run(host_.store->put(state));
    other_.listen(socket("b"));
    ASSERT_TRUE(wait_state(VmState::connected, "b"));
    EXPECT_THAT(names(forget("b")), ElementsAre("p1", "p2"));
    EXPECT_TRUE(host_.store->get().migrations.empty());
}

TEST_F(Forget, WorksForAVmThatIsNoLongerLookedAfter) {
    migrate_away();
    host_.config.vms.erase(host_.config.vms.begin());
    registry_.follow_config();
    EXPECT_THAT(names(forget()), ElementsAre("p1", "p2"));
    EXPECT_EQ(forget().error().kind, ErrorKind::no_such_vm);
}

TEST_F(Forget, LeavesOutWhatItsGuestLetsGoTooLate) {
    start_with_peers();
    pc_.set_guest(FakePc::Guest::keeps);
    EXPECT_FALSE(finish(start_migrate(true, Milliseconds(50))));
    ASSERT_TRUE(vm()->migration().plugging_back());
    EXPECT_THAT(names(forget()), ElementsAre("p1"));
    ASSERT_TRUE(loop_.run_until([this] { return !vm()->migration().plugging_back(); }));
    pc_.eject("ivshmemd.p1");
    ASSERT_TRUE(loop_.run_until([this] { return !vm()->device("p1"); }));
    pass(Milliseconds(100));
    EXPECT_FALSE(pc_.has_device("ivshmemd.p1"));
}

}  // namespace
}  // namespace ivshmemd::test
