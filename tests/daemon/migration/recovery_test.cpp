#include "daemon/migration/recovery.h"

#include "daemon/detach/removal.h"
#include "daemon/migration/replug.h"
#include "daemon/state/migrations.h"
#include "tests/daemon/fake_migration.h"
#include "tests/daemon/vm/operation_fixture.h"

// A daemon that finds a migration in its state file when it starts.

namespace ivshmemd::test {
namespace {

constexpr const char* source_uuid = "11111111-0000-0000-0000-000000000000";

class MigrationRecovery : public OperationFixture {
  protected:
    MigrationRecovery() {
        host_.deadlines.migration_poll = Milliseconds(20);
        host_.deadlines.migration_lost = Milliseconds(200);
    }

    static DeviceSpec peer(const std::string& name, int slot) {
        DeviceSpec spec;
        spec.name = name;
        spec.size = mebibyte;
        spec.region = name;
        spec.bus = "pci.0";
        spec.slot = slot;
        return spec;
    }

    /// A migration of "a" with the peers p1 and p2, that far when the daemon was killed.
    void leave_behind(MigrationPhase phase, const std::string& destination = "",
                      bool return_path = false) {
        MigrationRecord record{"a",
                               source_uuid,
                               phase,
                               "unix:/in",
                               destination,
                               return_path,
                               {peer("p1", 20), peer("p2", 21)}};
        loop_.run(put_record(*host_.store, record));
    }

    /// What the earlier daemon had asked the guest for.
    void leave_removal(const std::string& device) {
        SavedState state = host_.store->get();
        state.removals.push_back({"a", source_uuid, device, device, false, run_of_a()});
        loop_.run(host_.store->put(state));
    }

    void put(FakePc& pc, const std::string& name, int slot) {
        const std::string id = "ivshmemd." + name;
        pc.put_backend(id + ".mem", {region_path(name), mebibyte, false});
        pc.put_device(id, {.slot = slot, .backend = id + ".mem"});
    }

    bool has(const std::string& name) const { return pc_.has_device("ivshmemd." + name); }
    bool wait_settled() {
        return loop_.run_until([this] { return host_.store->get().migrations.empty(); });
    }

    FakeMigration migration_{pc_};
    FakeMigration other_migration_{other_};
};

// The daemon that started it cannot be asked how that was.
TEST_F(MigrationRecovery, CallsNoneCompletedThatLeftContentBehind) {
    leave_behind(MigrationPhase::migrating);
    put(pc_, "m", 22);
    pc_.put_device("ivshmemd.m", {.slot = 22, .backend = "ivshmemd.m.mem", .master = "on"});
    migration_.set_capability("x-ignore-shared", true);
    migration_.move_to("completed", "postmigrate");
    start();
    ASSERT_TRUE(loop_.run_until([this] {
        return std::any_of(events_.begin(), events_.end(), [](const Event& event) {
            return event.detail.find("without the content of its masters") != std::string::npos;
        });
    }));
}

TEST_F(MigrationRecovery, PutsBackWhatHadLeftAndKeepsWhatHadNot) {
    leave_behind(MigrationPhase::detaching);
    put(pc_, "p2", 21);
    start();
    ASSERT_TRUE(wait_settled());
    EXPECT_TRUE(has("p1"));
    EXPECT_EQ(pc_.slot_of("ivshmemd.p1"), 20);
    EXPECT_TRUE(has("p2"));
    EXPECT_EQ(pc_.count("device_del"), 0u) << "p2 was never asked for";
    EXPECT_EQ(pc_.count("migrate"), 0u);
}

TEST_F(MigrationRecovery, LetsAPeerThatWasAskedForLeaveAndPutsItBack) {
    leave_behind(MigrationPhase::detaching);
    leave_removal("p1");
    put(pc_, "p1", 20);
    put(pc_, "p2", 21);
    start();
    ASSERT_TRUE(wait_settled());
    EXPECT_TRUE(has("p1"));
    EXPECT_EQ(pc_.count("device_del"), 1u);
    EXPECT_EQ(vm()->device("p1")->state, DeviceState::attached);
}

TEST_F(MigrationRecovery, UndoesOneThatQemuWasNeverTold) {
    leave_behind(MigrationPhase::migrating);
    start();
    ASSERT_TRUE(wait_settled());
    EXPECT_TRUE(has("p1"));
    EXPECT_TRUE(has("p2"));
}

TEST_F(MigrationRecovery, UndoesOneThatFailedMeanwhile) {
    leave_behind(MigrationPhase::migrating, "", true);
    migration_.set_capability("return-path", true);
    migration_.move_to("failed", "running");
    start();
    ASSERT_TRUE(wait_settled());
    EXPECT_TRUE(has("p1"));
    EXPECT_TRUE(has("p2"));
    EXPECT_FALSE(migration_.capability("return-path"));
}

TEST_F(MigrationRecovery, FollowsOneThatStillRunsAndRefusesChanges) {
    leave_behind(MigrationPhase::migrating);
    migration_.move_to("active", "running");
    start();
    const Result<Attached> attached = attach_now(request("x"));
    ASSERT_FALSE(attached);
    EXPECT_EQ(attached.error().kind, ErrorKind::migration_active);
    EXPECT_FALSE(has("p1"));
    migration_.move_to("completed", "postmigrate");
    ASSERT_TRUE(loop_.run_until([this] {
        const auto record = migration_record(*host_.store, vm()->key());
        return record && record->phase == MigrationPhase::completed;
    }));
    EXPECT_FALSE(has("p1"));
    EXPECT_EQ(migration_record(*host_.store, vm()->key())->devices.size(), 2u);
}

TEST_F(MigrationRecovery, FindsOneCompletedMeanwhile) {
    leave_behind(MigrationPhase::migrating);
    migration_.move_to("completed", "postmigrate");
    start();
    ASSERT_TRUE(loop_.run_until([this] {
        return migration_record(*host_.store, vm()->key())->phase == MigrationPhase::completed;
    }));
    EXPECT_FALSE(has("p1"));
}

TEST_F(MigrationRecovery, TakesASourceThatWasResumedForTheVm) {
    leave_behind(MigrationPhase::migrating);
    migration_.move_to("completed", "running");
    start();
    ASSERT_TRUE(wait_settled());
    EXPECT_TRUE(has("p1"));
    EXPECT_TRUE(has("p2"));
}

TEST_F(MigrationRecovery, GoesOnPluggingBack) {
    leave_behind(MigrationPhase::replugging);
    put(pc_, "p1", 20);
    start();
    ASSERT_TRUE(wait_settled());
    EXPECT_TRUE(has("p2"));
    EXPECT_EQ(pc_.count("device_add"), 1u) << "p1 was back already";
}

TEST_F(MigrationRecovery, LeavesACompletedOneToReplug) {
    leave_behind(MigrationPhase::completed);
    migration_.move_to("completed", "postmigrate");
    start();
    pass(Milliseconds(50));
    EXPECT_EQ(pc_.count("device_add"), 0u);
    EXPECT_EQ(migration_record(*host_.store, vm()->key())->phase, MigrationPhase::completed);
}

TEST_F(MigrationRecovery, DoesNotMistakeAnotherVmForIt) {
    MigrationRecord record{"a",   "another",       MigrationPhase::replugging, "unix:/in", "",
                           false, {peer("p1", 20)}};
    loop_.run(put_record(*host_.store, record));
    start();
    pass(Milliseconds(50));
    EXPECT_EQ(pc_.count("device_add"), 0u);
}

TEST_F(MigrationRecovery, ReplugsAtTheDestinationOfASourceThatNeverCameBack) {
    leave_behind(MigrationPhase::migrating, "b");
    other_.listen(socket("b"));
    registry_.start();
    ASSERT_TRUE(wait_state(VmState::connected, "b"));
    const auto back = finish(loop_.start(replug(vm("b"), std::nullopt)));
    ASSERT_TRUE(back) << back.error().message;
    EXPECT_EQ(back->size(), 2u);
    EXPECT_TRUE(host_.store->get().migrations.empty());
}

TEST_F(MigrationRecovery, WaitsForAVmThatIsBackAsAnIncomingOne) {
    leave_behind(MigrationPhase::replugging);
    pc_.set_run_state("inmigrate");
    start();
    pass(Milliseconds(50));
    EXPECT_EQ(pc_.count("device_add"), 0u);
    pc_.set_run_state("running", "RESUME");
    ASSERT_TRUE(wait_settled());
    EXPECT_TRUE(has("p1"));
}

}  // namespace
}  // namespace ivshmemd::test
