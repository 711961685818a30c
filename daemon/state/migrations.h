#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "daemon/base/async.h"
#include "daemon/state/store.h"
#include "lib/device.h"
#include "lib/saved_state.h"
#include "lib/uuid.h"

// What the state file remembers of migrations. Whatever changes it is on disk when it returns.
namespace ivshmemd {

/// What the state file says of this VM's own migration: of the VM that was to leave.
std::optional<MigrationRecord> migration_record(const StateStore& store, const VmKey& vm);

/// The record whose devices belong into this VM now: one that left from here and came to nothing or
/// was taken back, or one that arrived here.
std::optional<MigrationRecord> record_to_replug(const StateStore& store, const VmKey& vm,
                                                const std::string& run_state);

/// The devices that belong into this VM and are not there: what earlier migrations took out and
/// nobody has plugged in since. `devices` are those that it has.
std::vector<DeviceSpec> missing_devices(const StateStore& store, const VmKey& vm,
                                        const std::string& run_state,
                                        const std::vector<Device>& devices);

/// Writes a record, in place of an earlier one of the same VM.
awaitable<void> put_record(StateStore& store, MigrationRecord record);

/// The same for a migration that begins, whose record has the missing devices, too: the records
/// they came from go.
awaitable<void> begin_record(StateStore& store, VmKey vm, std::string run_state,
                             MigrationRecord record);

/// Devices are out of this VM, or may yet leave it, and are to come back as soon as they can
/// (keep_plugging_back): beside what is out of it already.
awaitable<void> put_back_later(StateStore& store, VmKey vm, std::vector<DeviceSpec> devices);

/// Takes devices out of the record of this VM, and drops it when none is left. `vm` and `uuid` are
/// those in the record.
awaitable<void> forget_devices(StateStore& store, std::string vm, std::string uuid,
                               std::set<std::string> names);

/// Drops a record, whatever it has by now.
awaitable<void> drop_record(StateStore& store, std::string vm, std::string uuid);

}  // namespace ivshmemd
