#pragma once

#include <memory>

#include "daemon/base/async.h"

namespace ivshmemd {

class Vm;

/// Looks after one VM until it is stopped: connects, finds out what is there, adopts and cleans up,
/// follows the connection to its end, and tries again with back-off; also when something escapes
/// that. Returns once nothing of the VM goes on any more.
awaitable<void> supervise(std::shared_ptr<Vm> vm);

}  // namespace ivshmemd
