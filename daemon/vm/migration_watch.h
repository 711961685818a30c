#pragma once

#include <memory>
#include <optional>
#include <string>

#include "daemon/base/async.h"
#include "daemon/vm/vm.h"
#include "lib/migration/migration.h"
#include "lib/result.h"

namespace ivshmemd {

/// For a new connection: has QEMU tell of migrations from now on, and asks whether one is running.
/// A QEMU that refuses because one is, is asked again and again until that has ended.
awaitable<void> watch_migration(std::shared_ptr<Vm> vm, std::shared_ptr<qmp::Session> session);

/// What QEMU told of its migration.
void follow_migration_status(Vm& vm, const std::string& status);

/// Whether QEMU is migrating, whoever started that.
bool is_migrating(const Vm& vm);

/// MigrationActive while devices have to stay as they are; OperationInProgress when that is because
/// a client holds the VM.
std::optional<Error> migration_active(const Vm& vm, Asker asker = Asker::client);

/// Asks QEMU, also how it was told to migrate. TimedOut or VmUnavailable when it does not answer.
awaitable<Result<MigrationFacts>> ask_migration(std::shared_ptr<Vm> vm);

}  // namespace ivshmemd
