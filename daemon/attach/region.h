#pragma once

#include <memory>
#include <optional>

#include "daemon/attach/decision.h"
#include "daemon/base/async.h"
#include "lib/result.h"

namespace ivshmemd {

class Vm;

/// Makes the region's file when the decision says so; otherwise lets the VM's QEMU into the one
/// that is there. What was made is in the state file before it has a name, so that a daemon killed
/// in between knows its own. The identity of a new file, for taking it back. RegionUnavailable,
/// RegionMismatch, PermissionDenied.
awaitable<Result<std::optional<RegionIdentity>>> prepare_region(std::shared_ptr<Vm> vm,
                                                                Decision decision);

/// Removes a file that was made for nothing, and forgets it.
awaitable<void> take_back_region(std::shared_ptr<Vm> vm, std::string path, RegionIdentity made);

}  // namespace ivshmemd
