#pragma once

#include <string>

#include "lib/device.h"
#include "lib/result.h"

namespace ivshmemd {

/// What is otherwise about `existing` than `request` has it, in the terms of check_equal(): the
/// first such thing, in words, as it is there. Empty when they are equal.
std::string difference(const DeviceRequest& request, const DeviceSpec& existing);

/// Whether attaching `request` to a VM that holds `existing` under that name is already done. A
/// model, size, bus or slot that the caller left out matches what is there. The rest has defaults,
/// which are compared: the role peer, the region the name, and with a server one vector, msi on and
/// ioeventfd as msi. DeviceExists says what differs.
Result<void> check_equal(const DeviceRequest& request, const DeviceSpec& existing);

}  // namespace ivshmemd
