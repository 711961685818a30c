#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "daemon/migration/migrate.h"
#include "daemon/state/migrations.h"
#include "tests/daemon/fake_migration.h"
#include "tests/daemon/vm/operation_fixture.h"

namespace ivshmemd::test {

/// Migrations of VM "a", whose QEMU does what the test says; "b" may be its destination.
class MigrateFixture : public OperationFixture {
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
            const std::optional<MigrationRecord> record =
                migration_record(*host_.store, vm()->key());
            return record ? record->phase == phase : !phase;
        });
    }
    bool wait_migrating() {
        return loop_.run_until([this] { return vm()->migration().status() == "active"; });
    }
    bool wait_back(const std::string& name) {
        return loop_.run_until([&] { return pc_.has_device("ivshmemd." + name); });
    }

    void expect_all_at_source() {
        for (const char* name : {"m", "p1", "p2"}) {
            EXPECT_TRUE(pc_.has_device(std::string("ivshmemd.") + name)) << name;
        }
        EXPECT_FALSE(migration_record(*host_.store, vm()->key()));
        EXPECT_FALSE(vm()->migration().claimed());
    }

    FakeMigration migration_{pc_};
    FakeMigration other_migration_{other_};
    std::vector<MigrationStep> steps_;
};

}  // namespace ivshmemd::test
