#include "daemon/vm/migrate.h"

#include <gmock/gmock.h>

#include "daemon/vm/migration_record.h"
#include "daemon/vm/replug.h"
#include "tests/daemon/fake_migration.h"
#include "tests/daemon/vm/operation_fixture.h"

namespace ivshmemd::test {
namespace {

using testing::HasSubstr;

class Migrate : public OperationFixture {
  protected:
    /// VM "a" with a master "m" and the peers "p1" and "p2".
    void start_with_peers() {
        host_.deadlines.migration_poll = Milliseconds(20);
        host_.deadlines.migration_lost = Milliseconds(300);
        host_.deadlines.incoming = Milliseconds(200);
        start();
        DeviceRequest master = request("m");
        master.role = Role::master;
        ASSERT_TRUE(attach_now(master));
        ASSERT_TRUE(attach_now(request("p1")));
        ASSERT_TRUE(attach_now(request("p2")));
    }

    Running<Migrated> start_migrate(bool detach_peers = true,
                                    Milliseconds timeout = Milliseconds(5000)) {
        MigrateRequest wanted{"unix:/in.sock", {detach_peers, false}, timeout};
        const auto progress = [this](const MigrationStep& step) { steps_.push_back(step); };
        return loop_.start(migrate(vm(), wanted, MigrationProgress(progress)));
    }

    bool wait_phase(std::optional<MigrationPhase> phase) {
        return loop_.run_until([&] {
            const std::optional<MigrationRecord> record = migration_record(*vm());
            return record ? record->phase == phase : !phase;
        });
    }
    bool wait_migrating() {
        return loop_.run_until([this] { return vm()->migration().status == "active"; });
    }
    bool wait_back(const std::string& name) {
        return loop_.run_until([&] { return pc_.has_device("ivshmemd." + name); });
    }

    void expect_all_at_source() {
        for (const char* name : {"m", "p1", "p2"}) {
            EXPECT_TRUE(pc_.has_device(std::string("ivshmemd.") + name)) << name;
        }
        EXPECT_FALSE(migration_record(*vm()));
        EXPECT_FALSE(vm()->migration().ours);
    }

    FakeMigration migration_{pc_};
    FakeMigration other_migration_{other_};
    std::vector<MigrationStep> steps_;
};

TEST_F(Migrate, TakesThePeersOutAndRemembersThem) {
    start_with_peers();
    const auto running = start_migrate();
    ASSERT_TRUE(wait_migrating());
    EXPECT_FALSE(pc_.has_device("ivshmemd.p1"));
    EXPECT_TRUE(pc_.has_device("ivshmemd.m"));
    EXPECT_EQ(migration_record(*vm())->phase, MigrationPhase::migrating);
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
    EXPECT_EQ(migration_record(*vm())->phase, MigrationPhase::completed);
    EXPECT_EQ(migration_record(*vm())->devices, result->detached);
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
    EXPECT_FALSE(migration_record(*vm()));
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

TEST_F(Migrate, ThatFailsPlugsThePeersBackWhereTheyWere) {
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

TEST_F(Migrate, ThatIsCancelledPlugsThePeersBack) {
    start_with_peers();
    const auto running = start_migrate();
    ASSERT_TRUE(wait_migrating());
    migration_.move_to("cancelling", "running");
    loop_.run_for(Milliseconds(50));
    EXPECT_FALSE(running->done) << "QEMU takes no device before it is cancelled";
    migration_.move_to("cancelled", "running");
    const Result<Migrated> result = finish(running);
    ASSERT_FALSE(result);
    EXPECT_THAT(result.error().message, HasSubstr("cancelled"));
    expect_all_at_source();
}

TEST_F(Migrate, ThatQemuRefusesPlugsThePeersBack) {
    migration_.refuse_start("the disk says no");
    start_with_peers();
    const Result<Migrated> result = finish(start_migrate());
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().kind, ErrorKind::qemu_error);
    EXPECT_EQ(detail(result.error(), "description"), "the disk says no");
    expect_all_at_source();
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

TEST_F(Migrate, OfAGuestThatKeepsAPeerIsGivenUpAndThePeerComesBackLater) {
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
    EXPECT_EQ(migration_record(*vm())->phase, MigrationPhase::replugging);
    EXPECT_FALSE(vm()->migration().ours) << "others may change the VM";
    pc_.eject("ivshmemd.p2");
    ASSERT_TRUE(loop_.run_until([this] { return !migration_record(*vm()); }));
    expect_all_at_source();
}

TEST_F(Migrate, DoesNotPlugBackWhatAClientTakesOutMeanwhile) {
    start_with_peers();
    pc_.set_guest(FakePc::Guest::keeps);
    EXPECT_FALSE(finish(start_migrate(true, Milliseconds(50))));
    const auto detaching = start_detach(leave("p1"));
    loop_.run_for(Milliseconds(20));
    pc_.eject("ivshmemd.p1");
    ASSERT_TRUE(finish(detaching));
    loop_.run_for(Milliseconds(100));
    EXPECT_FALSE(pc_.has_device("ivshmemd.p1"));
    EXPECT_FALSE(migration_record(*vm()));
}

TEST_F(Migrate, OfAGuestThatRefusesIsGivenUp) {
    start_with_peers();
    pc_.set_guest(FakePc::Guest::refuses);
    const Result<Migrated> result = finish(start_migrate());
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().kind, ErrorKind::detach_refused);
    expect_all_at_source();
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

TEST_F(Migrate, ThatQemuForgotIsUndone) {
    start_with_peers();
    const auto running = start_migrate();
    ASSERT_TRUE(wait_migrating());
    migration_.forget();
    EXPECT_FALSE(finish(running));
    expect_all_at_source();
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

TEST_F(Migrate, ReplugsNothingWhereTheModelIsMissing) {
    start_with_peers();
    std::vector<DeviceSpec> specs;
    specs.push_back(vm()->device("p1")->spec);
    specs.push_back(vm()->device("p2")->spec);
    specs[0].name = "x";
    specs[1].name = "y";
    specs[1].model = Model::legacy;
    const auto result = finish(loop_.start(replug(vm(), specs)));
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().kind, ErrorKind::model_not_supported);
    EXPECT_THAT(result.error().message, HasSubstr("y cannot be plugged in"));
    EXPECT_FALSE(pc_.has_device("ivshmemd.x"));
}

TEST_F(Migrate, ReplugsOnceAnIncomingVmRuns) {
    pc_.set_run_state("inmigrate");
    host_.deadlines.incoming = Milliseconds(150);
    start();
    std::vector<DeviceSpec> specs(1);
    specs[0].name = specs[0].region.emplace("x");
    specs[0].size = mebibyte;
    specs[0].bus = "pci.0";
    specs[0].slot = 20;
    const auto early = finish(loop_.start(replug(vm(), specs)));
    ASSERT_FALSE(early);
    EXPECT_EQ(early.error().kind, ErrorKind::timed_out);
    EXPECT_FALSE(pc_.has_device("ivshmemd.x"));

    host_.deadlines.incoming = Milliseconds(15000);
    const auto running = loop_.start(replug(vm(), specs));
    loop_.run_for(Milliseconds(50));
    EXPECT_FALSE(running->done);
    pc_.set_run_state("running", "RESUME");
    const auto result = finish(running);
    ASSERT_TRUE(result) << result.error().message;
    EXPECT_EQ(pc_.slot_of("ivshmemd.x"), 20) << "its slot was free";
}

}  // namespace
}  // namespace ivshmemd::test
