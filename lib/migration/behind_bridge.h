#pragma once

#include <string>
#include <vector>

#include "lib/capabilities.h"
#include "lib/device.h"
#include "lib/reason.h"

// Devices of a VM whose manager, such as libvirt, was not asked: QEMU has them, and what the
// manager writes down of the VM has not.

namespace ivshmemd {

/// Devices that are there and that the manager knows nothing of, by name. None of a VM without one,
/// and none that it started QEMU with.
std::vector<std::string> unknown_to_manager(const std::vector<Device>& devices,
                                            const Capabilities& qemu);

/// What that means for whatever the manager makes of the VM.
std::string consequence_of_unknown(const std::vector<std::string>& names);

/// Which of them can become part of what the manager writes down: "them", for a text, or "those
/// without a doorbell server", because QEMU is not connected to one itself; empty for none.
std::string can_be_permanent(const std::vector<Device>& devices, const Capabilities& qemu);

/// One reason for all of them.
std::vector<Reason> judge_manager(const std::vector<Device>& devices, const Capabilities& qemu);

}  // namespace ivshmemd
