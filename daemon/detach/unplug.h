#pragma once

#include <memory>

#include "daemon/base/async.h"
#include "daemon/vm/vm.h"

// Asking a guest to let a device go. QEMU forgets a request without a word when the slot's power
// indicator blinks, and when the machine is reset before a guest that runs its ports itself has
// answered; so one that is not known to stand is repeated, with or without a caller who waits.
namespace ivshmemd {

/// Sends device_del once and files what QEMU said; its error when asking again is useless.
awaitable<Result<void>> ask_guest(std::shared_ptr<Vm> vm, InventoryDevice entry);

/// The request for this removal may be forgotten: unless the device leaves first, it is repeated
/// when some time has passed and the VM runs, until it stands.
void doubt_removal(const std::shared_ptr<Vm>& vm, const std::string& qom_path);

/// The same for all removals: after a reset.
void doubt_removals(const std::shared_ptr<Vm>& vm);

}  // namespace ivshmemd
