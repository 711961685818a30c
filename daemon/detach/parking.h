#pragma once

#include <memory>

#include "daemon/base/async.h"
#include "lib/descriptor_range.h"
#include "lib/inventory.h"
#include "lib/result.h"

// How a doorbell's descriptors are parked
//
// Without KVM, QEMU watches the descriptors of a doorbell's own vectors in its main loop, and goes
// on watching their numbers after it has closed them; those of its peers it does not watch.
// Whatever gets one of these numbers next and becomes readable makes QEMU use freed memory, and the
// VM is gone. So as soon as such a device has left, each of its numbers is given to an eventfd that
// nobody ever rings, and stays so for as long as QEMU runs: no version is known to forget the old
// watcher when the number has a new holder.
//
// By getfd: what add-fd gave goes with QEMU's last client, before version 10.
//
// The kernel gives out the lowest free number first, and nobody tells which numbers a device got.
// What is known is a range. Before the attach, QEMU is handed as many descriptors as the device
// will take, and some more, and they are taken back: its own will be below the highest of those.
// After the attach the free ones are counted once more, up to that bound: of the numbers that were
// next, those which are free are not the device's; the others are, when they are as many as it was
// given. (The lowest free one says nothing: QEMU may have closed something below, such as its end
// of a relay that has ended.) Occupying free numbers until the lowest one is at or above the top
// has occupied all of theirs. The range is in the state file, for the next daemon. Before 9.1 a VM
// that is paused keeps what it should give back, and lets go of it when it runs: nobody can see
// what is free there, and the parking ends when it runs.
//
// From device_del until then nothing else may take a number in that QEMU: Turn sees to that, and
// Relays wait from the moment that the device is gone. Two parkings, and an attach that looks for
// its numbers, have turns of their own (Vm::take_numbers), for what one of them has QEMU hold is
// not free for good to the other. No two descriptors are ever on their way to one QEMU at the same
// time: qmp::Session sees to that. What nobody can hold up is a guest that lets a device go
// unasked, a reset while no daemon looks, and QEMU itself, which takes a number for each client of
// its monitors: for the very connection over which the parking is to be done. So while a device
// gets its numbers, QEMU holds some lower ones for us, and has them free again later: whatever it
// opens takes those first.
namespace ivshmemd {

class Vm;

/// A range with all numbers of a device that is still there; nothing when it needs none.
/// ConfigUnsupported when it does and nobody can tell: its detach is to be refused then.
Result<std::optional<DescriptorRange>> bound_descriptors(const Vm& vm,
                                                         const InventoryDevice& entry);

/// Whether nothing of a device that has gone is left to be parked.
bool is_parked(const Vm& vm, const InventoryDevice& entry);

/// To be called when a device with a server has gone, before anything else is sent to this QEMU.
/// False when QEMU did not take all of them: to be called again.
awaitable<bool> park_descriptors(std::shared_ptr<Vm> vm, InventoryDevice entry);

}  // namespace ivshmemd
