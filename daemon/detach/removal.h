#pragma once

#include <memory>
#include <string>

#include "daemon/base/async.h"
#include "lib/inventory.h"

namespace ivshmemd {

class Vm;

/// Clears away what a device that is gone leaves: descriptors, backend, chardev, and its region
/// when that was asked for; then forgets it. `entry` is the device as it was last known. To be
/// called once for each departure (Departures::clear). The region that was to go and stays for now;
/// empty when there is none.
awaitable<std::string> clear_away(std::shared_ptr<Vm> vm, InventoryDevice entry);

/// Removes a region's file that this daemon made and nobody uses. Why it stays; empty once it is
/// gone.
awaitable<std::string> remove_region(std::shared_ptr<Vm> vm, std::string region,
                                     Milliseconds patience);

/// Removes a region as soon as all VMs have told that they do not use it, in their own time: right
/// after a start most cannot tell.
awaitable<void> remove_region_later(std::shared_ptr<Vm> vm, std::string region);

/// Deletes what carries our prefix and serves no device, once its descriptors are parked; where
/// QEMU does not let that be done now, it is done later, and nothing may be added before. Only
/// behind the gate, where no attach is between making a backend and its device.
awaitable<void> clean_orphans(std::shared_ptr<Vm> vm);

/// The same, waiting for its turn.
awaitable<void> clean_orphans_in_turn(std::shared_ptr<Vm> vm);

/// After a connection was made: goes on with the removals that an earlier daemon was asked for, in
/// this same QEMU, and completes those of devices that left meanwhile.
awaitable<void> resume_removals(std::shared_ptr<Vm> vm);

}  // namespace ivshmemd
