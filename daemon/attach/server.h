#pragma once

#include <memory>

#include "daemon/attach/decision.h"
#include "daemon/base/async.h"
#include "lib/result.h"

namespace ivshmemd {

class Vm;

/// Connects to the server that the decision names, checks it, and takes the size of its memory.
/// ServerUnusable, RegionMismatch (another size than requested), MasterExists, ConfigUnsupported
/// (a master whose server has peers already).
awaitable<Result<void>> meet_server(std::shared_ptr<Vm> vm, Decision& decision);

/// Reserves all memory of the server that was met: QEMU, or its guest, would be killed by touching
/// a page for which none is left. ServerUnusable, also when that takes too long; it goes on then,
/// so that a later attempt finds it done.
awaitable<Result<void>> reserve_server_memory(std::shared_ptr<Vm> vm, Decision& decision);

/// The end of a new relay that QEMU gets; none for a device without a server. What QEMU takes next
/// is noted before, and spare numbers are held where it matters: release_spare() is to follow
/// whatever comes of it. Meets the server, and reserves its memory, where that was not done, or is
/// used up.
awaitable<Result<UniqueFd>> prepare_relay(std::shared_ptr<Vm> vm, Decision& decision);

/// A closer range of the device's numbers, once QEMU has taken what it was to be given. See how
/// doorbells are parked. A relay that has ended may have left something that QEMU has still to
/// take: then the first bound stays.
awaitable<void> note_descriptors(std::shared_ptr<Vm> vm, DeviceSpec spec, NextDescriptors next);

}  // namespace ivshmemd
