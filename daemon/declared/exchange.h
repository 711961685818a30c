#pragma once

#include <memory>

#include "daemon/base/async.h"
#include "lib/device.h"
#include "lib/result.h"

namespace ivshmemd {

class Vm;

// A declared device that is there otherwise than declared is detached and attached anew. One that
// could not come back stays as it is: a working device is worth more than a right one.

/// How it is exchanged.
struct Exchange {
    bool remake_region = false;  // its file has the old size: it goes with the old device
};

/// Whether a device can be attached as declared once it has been detached; else what is in the way,
/// as attaching would say it. `wanted` is what it is to be.
Result<Exchange> check_exchange(Vm& vm, const DeviceRequest& wanted, const Device& present);

/// Right after the daemon's start it is not known yet who else uses a region. Waits until every VM
/// has been asked once, but not for ever.
awaitable<void> await_all_met(std::shared_ptr<Vm> vm);

}  // namespace ivshmemd
