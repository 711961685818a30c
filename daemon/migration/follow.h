#pragma once

#include <memory>
#include <optional>
#include <string>

#include "daemon/base/async.h"
#include "daemon/migration/progress.h"
#include "lib/migration/migration.h"

namespace ivshmemd {

class Vm;

/// How a migration ended.
struct MigrationEnd {
    enum class Kind {
        completed,  // the VM is at its destination
        stayed,     // failed or cancelled: the VM is where it was
        lost,       // the source is gone, and nobody can say yet where the VM is
    };
    Kind kind = Kind::lost;
    std::string why;  // unless completed: QEMU's words, or ours
};

/// What QEMU says of a VM at one moment.
struct MigrationLook {
    MigrationFacts facts;
    std::string run_state;
};

/// Nothing when it does not answer.
awaitable<std::optional<MigrationLook>> look_at_migration(std::shared_ptr<Vm> vm);

/// Follows a migration that QEMU was told to make until it has ended, over a lost connection too.
/// `destination` is the name of the VM at the other end, empty when that is none of ours.
awaitable<MigrationEnd> follow_migration(std::shared_ptr<Vm> vm, std::string destination,
                                         MigrationProgress progress);

/// Waits a moment for the destination to run after its source has let go.
awaitable<void> await_arrival(std::shared_ptr<Vm> vm, std::string destination);

}  // namespace ivshmemd
