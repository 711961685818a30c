#pragma once

#include <memory>
#include <string>

#include "daemon/base/async.h"
#include "lib/device.h"
#include "lib/result.h"

namespace ivshmemd {

class Vm;

/// Waits until QEMU has no RAM block of that backend any more. A backend's memory outlives
/// object-del by a moment, and QEMU aborts when a second one of its name comes to the same slot.
/// The resting of slots keeps them apart, except for what left before this connection was made, and
/// where a slot need not rest: then QEMU is asked. An error when it falls silent, goes away, or has
/// a backend's still in the end.
awaitable<Result<void>> await_unregistered(std::shared_ptr<Vm> vm, DeviceSpec spec,
                                           std::string backend_id);

}  // namespace ivshmemd
