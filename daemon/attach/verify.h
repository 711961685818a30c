#pragma once

#include <memory>

#include "daemon/base/async.h"
#include "lib/device.h"

namespace ivshmemd {

class Vm;

/// Looks at a device after the reply has gone out: whether it is still there once the guest had
/// time to throw it out, has what was asked for, and whether a running guest maps it. What is wrong
/// becomes an event; nobody waits for this.
awaitable<void> verify(std::shared_ptr<Vm> vm, DeviceSpec spec);

}  // namespace ivshmemd
