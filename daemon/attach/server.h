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

}  // namespace ivshmemd
