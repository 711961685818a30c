#pragma once

#include <memory>

#include "daemon/async.h"
#include "daemon/vm/attach_decision.h"
#include "daemon/vm/vm.h"
#include "lib/result.h"

namespace ivshmemd {

/// Connects to the server that the decision names, checks it, and takes the size of its memory.
/// ServerUnusable, RegionMismatch (another size than requested), MasterExists, ConfigUnsupported
/// (a master whose server has peers already).
awaitable<Result<void>> meet_server(std::shared_ptr<Vm> vm, Decision& decision);

/// Starts the relays of devices that are there and drops those of devices that are not. For after a
/// reading: a relay whose device_add went unanswered must not end before its outcome is known.
void settle_relays(Vm& vm);

}  // namespace ivshmemd
