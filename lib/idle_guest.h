#pragma once

#include "lib/capabilities.h"

namespace ivshmemd {

/// Whether this QEMU takes no device before each processor of its guest has been idle for a moment,
/// and does nothing else until then. From 5.2 on device_add waits until all that was freed before
/// is gone (RCU), and without KVM a processor that has work to do does not let that happen; 5.2
/// was seen to stand still for as long as its guest was busy, 7.2 was not. What is between was not
/// tried, and counts as 5.2.
constexpr bool adds_to_idle_guests_only(const Capabilities& qemu) {
    return !qemu.accelerated && qemu.version >= Version{5, 2, 0} && qemu.version < Version{7, 2, 0};
}

}  // namespace ivshmemd
