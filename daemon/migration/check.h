#pragma once

#include <memory>
#include <vector>

#include "daemon/base/async.h"
#include "lib/device.h"
#include "lib/migration/migration.h"
#include "lib/result.h"

namespace ivshmemd {

class Vm;

/// What stands against migrating a VM as it is known now, with what QEMU just told.
MigrationVerdict judge_vm(const Vm& vm, const MigrationFacts& facts);

/// The same with a fresh look at the VM, without waiting for an operation.
awaitable<Result<MigrationVerdict>> check_vm_migration(std::shared_ptr<Vm> vm);

/// The VM of this daemon that waits at this address for a migration of `source`; null when it is
/// none of ours. QEMU 4.0 and later tell where they listen; an earlier one is known by the UUID.
awaitable<std::shared_ptr<Vm>> find_destination(std::shared_ptr<Vm> source, ListenAddress target);

/// Whether that VM takes the source's masters over and has the models that its peers will need.
/// MigrationBlocked, ModelNotSupported, ConfigUnsupported, TimedOut.
awaitable<Result<void>> check_destination(std::shared_ptr<Vm> source,
                                          std::shared_ptr<Vm> destination,
                                          std::vector<DeviceSpec> peers);

}  // namespace ivshmemd
