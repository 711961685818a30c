#pragma once

#include <memory>

#include "daemon/base/async.h"

namespace ivshmemd {

class Vm;

/// Brings a VM's devices to what the configuration declares: when it is connected, and after a
/// reload. Goes on in the background, each device in its turn behind the VM's gate like any other
/// request; what cannot be done while a migration runs or a guest keeps a device waits for that.
/// What fails is reported, and tried again the next time this is called.
void settle_declared(const std::shared_ptr<Vm>& vm);

}  // namespace ivshmemd
