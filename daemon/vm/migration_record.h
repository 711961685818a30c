#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "daemon/async.h"
#include "daemon/vm/vm.h"
#include "lib/saved_state.h"

namespace ivshmemd {

/// What the state file says of this VM's own migration: of the VM that was to leave.
std::optional<MigrationRecord> migration_record(const Vm& vm);

/// The record whose devices belong into this VM now: one that left from here and came to nothing or
/// was taken back, or one that arrived here.
std::optional<MigrationRecord> record_to_replug(const Vm& vm);

/// The devices that belong into this VM and are not there: what earlier migrations took out and
/// nobody has plugged in since.
std::vector<DeviceSpec> missing_devices(const Vm& vm);

/// Writes a record, in place of an earlier one of the same VM. On disk once this returns.
awaitable<void> put_record(Host& host, MigrationRecord record);

/// The same for a migration that begins, whose record has the missing devices, too: the records
/// they came from go.
awaitable<void> begin_record(std::shared_ptr<Vm> vm, MigrationRecord record);

/// Takes devices out of the record of this VM, and drops it when none is left. `vm` and `uuid` are
/// those in the record.
awaitable<void> forget_devices(Host& host, std::string vm, std::string uuid,
                               std::set<std::string> names);

/// Whether a UUID tells one VM from another: QEMU shows zeros for none.
bool is_real_uuid(const std::string& uuid);

}  // namespace ivshmemd
