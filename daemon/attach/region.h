#pragma once

#include <memory>
#include <optional>

#include "daemon/attach/decision.h"
#include "daemon/base/async.h"
#include "lib/result.h"

namespace ivshmemd {

class Vm;

/// Makes the region's file when the decision says so; otherwise reserves what is missing of the one
/// that is there, and lets the VM's QEMU into it. What was made is in the state file before it has
/// a name, so that a daemon killed in between knows its own. The identity of a new file, for taking
/// it back. RegionUnavailable, RegionMismatch, PermissionDenied.
awaitable<Result<std::optional<RegionIdentity>>> prepare_region(std::shared_ptr<Vm> vm,
                                                                Decision& decision);

/// Removes the file that an attach of this device made for nothing, and forgets it; unless another
/// VM joined it meanwhile. Why it stays, for people; empty once it is gone.
awaitable<std::string> take_back_region(std::shared_ptr<Vm> vm, DeviceSpec spec,
                                        RegionIdentity made);

/// The same for an attach whose outcome is not known, once QEMU can tell: unless the device is
/// there after all, or somebody uses the file.
awaitable<void> take_back_region_later(std::shared_ptr<Vm> vm, DeviceSpec spec,
                                       RegionIdentity made);

/// After a connection was made: what attaches of this VM made whose daemon was killed before their
/// device was there is removed, unless somebody uses it.
void settle_unused_regions(const std::shared_ptr<Vm>& vm);

/// Waits while the region of that name is being removed: it is decided upon before or after that.
awaitable<void> await_unlinking(std::shared_ptr<Vm> vm, std::string region);

}  // namespace ivshmemd
