#pragma once

#include <memory>

#include "daemon/base/async.h"
#include "daemon/vm/vm.h"

namespace ivshmemd {

/// After a device has gone, asked or unasked: deletes the backend it leaves, its region when that
/// was asked for, and forgets it. `entry` is the device as it was last known.
awaitable<void> finish_removal(std::shared_ptr<Vm> vm, InventoryDevice entry);

/// Deletes what carries our prefix and serves no device. Only behind the gate, where no attach is
/// between making a backend and its device.
awaitable<void> clean_orphans(std::shared_ptr<Vm> vm);

/// The same, waiting for its turn.
awaitable<void> clean_orphans_in_turn(std::shared_ptr<Vm> vm);

/// After a restart: goes on waiting for devices that were asked to leave, and completes the removal
/// of those that left meanwhile.
awaitable<void> resume_removals(std::shared_ptr<Vm> vm);

}  // namespace ivshmemd
