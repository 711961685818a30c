#pragma once

#include "lib/device.h"
#include "lib/result.h"

namespace ivshmemd {

/// Whether attaching `request` to a VM that holds `existing` under that name is already done. A
/// model, size, bus or slot that the caller left out matches what is there. The rest has defaults,
/// which are compared: the role peer, the region the name, and with a server one vector, msi on and
/// ioeventfd as msi. DeviceExists says what differs.
Result<void> check_equal(const DeviceRequest& request, const DeviceSpec& existing);

}  // namespace ivshmemd
