#pragma once

#include <memory>
#include <string>
#include <vector>

#include "daemon/base/async.h"
#include "daemon/migration/progress.h"
#include "lib/device.h"
#include "lib/migration/migration.h"
#include "lib/result.h"

namespace ivshmemd {

class Vm;

struct MigrateRequest {
    std::string uri;  // as parse_migration_uri accepts it
    MigrationWishes wishes;
    Milliseconds timeout{30000};  // for the guest to let the peers go, all together
};

struct Migrated {
    std::vector<DeviceSpec> detached;  // what is to be plugged in at the destination
};

/// Takes the peers out, migrates, and plugs them back where that comes to nothing: all or none.
/// Devices stay as they are meanwhile. Each step is written down before it is taken, so that a
/// daemon that is killed goes on or back when it returns (resume_migration).
awaitable<Result<Migrated>> migrate(std::shared_ptr<Vm> vm, MigrateRequest request,
                                    MigrationProgress progress);

}  // namespace ivshmemd
