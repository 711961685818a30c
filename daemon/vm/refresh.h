#pragma once

#include <memory>
#include <vector>

#include "daemon/base/async.h"
#include "daemon/vm/vm.h"

namespace ivshmemd {

/// Reads what the QEMU holds and replaces the VM's inventory by it. False when QEMU did not answer.
/// A reading that a change here overtook meanwhile is not used; that still counts as an answer.
awaitable<bool> refresh(std::shared_ptr<Vm> vm, Milliseconds deadline);

/// Starts a reading unless one is under way or an operation is running.
void start_refresh(const std::shared_ptr<Vm>& vm);

/// For reads of the API: as fresh as it can be had at once, without waiting for an operation.
awaitable<void> refresh_for_read(std::shared_ptr<Vm> vm);

/// The same for several, all at the same time: a slow one costs its own wait and no more.
awaitable<void> refresh_all_for_read(std::vector<std::shared_ptr<Vm>> vms);

/// Waits a moment for a VM whose connection is just being made, and hurries one that waits to be
/// tried again.
awaitable<void> wait_connected(std::shared_ptr<Vm> vm, Milliseconds deadline);

/// Starts the relays of devices that are there and drops those of devices that are not. For after a
/// reading: a relay whose device_add went unanswered must not end before its outcome is known.
void settle_relays(Vm& vm);

}  // namespace ivshmemd
