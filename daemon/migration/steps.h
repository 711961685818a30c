#pragma once

#include <memory>
#include <optional>
#include <string>

#include "daemon/base/async.h"
#include "daemon/migration/migrate.h"
#include "daemon/migration/progress.h"
#include "lib/result.h"
#include "lib/saved_state.h"

namespace ivshmemd {

class Vm;

/// Keeps everybody else from changing the VM's devices for as long as it lives.
class MigrationMark {
  public:
    explicit MigrationMark(std::shared_ptr<Vm> vm);
    MigrationMark(const MigrationMark&) = delete;
    MigrationMark& operator=(const MigrationMark&) = delete;
    ~MigrationMark();

  private:
    std::shared_ptr<Vm> vm_;
};

/// One run of migrate(), or what is left of one. Its steps below need a mark that outlives them.
struct Migration {
    std::shared_ptr<Vm> vm;
    MigrationRecord record;
    MigrationProgress progress;
    std::shared_ptr<Vm> destination;  // null when it is none of ours
    // Of masters' content, in words; empty when nothing, nothing when that is not known.
    std::optional<std::string> left_behind{};
    bool masters = false;  // taken out as well, for a client
};

/// For the log and for subscribers.
void tell(const Migration& migration, const std::string& text);

/// On disk once this returns.
awaitable<void> enter_phase(Migration& migration, MigrationPhase phase);

/// Has the guest let the peers of the record go, and those a client is already taking out, all
/// within `timeout`. DetachRefused, TimedOut and the other errors of detach().
awaitable<Result<void>> take_peers_out(Migration& migration, Milliseconds timeout);

/// Tells QEMU to migrate. QemuError when it refuses, MigrationBlocked when it would leave content
/// behind; silence is for see_through() to find out.
awaitable<Result<void>> start_migration(Migration& migration);

/// Follows the migration to the destination, or back. QemuError when the VM stays, or has arrived
/// without its content, VmUnavailable when nobody can tell where it is.
awaitable<Result<Migrated>> see_through(Migration& migration);

/// The VM stays: its peers go back in, now or when the guest lets go of them. What went wrong with
/// that, to be added to a message.
awaitable<std::string> undo(Migration& migration);

}  // namespace ivshmemd
