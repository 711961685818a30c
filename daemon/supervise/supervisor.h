#pragma once

#include <memory>

#include "daemon/base/async.h"
#include "daemon/vm/vm.h"

namespace ivshmemd {

/// Looks after one VM until it is stopped: connects, finds out what is there, adopts and cleans up,
/// follows the connection to its end, and tries again with back-off.
awaitable<void> supervise(std::shared_ptr<Vm> vm);

}  // namespace ivshmemd
