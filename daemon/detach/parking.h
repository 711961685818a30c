#pragma once

#include <memory>

#include "daemon/base/async.h"
#include "daemon/vm/vm.h"

namespace ivshmemd {

/// To be called when a device with a server has gone, just now or unseen, before its chardev goes.
///
/// Without KVM, QEMU (7.2 measured) goes on watching the descriptors of the device's own vectors
/// after it has closed them: whatever gets one of these numbers next and becomes readable makes it
/// use freed memory, and dies with the VM. So the numbers are taken at once by eventfds that nobody
/// ever rings, which stay as long as QEMU does.
awaitable<void> park_descriptors(std::shared_ptr<Vm> vm, DeviceSpec spec);

}  // namespace ivshmemd
