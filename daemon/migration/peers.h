#pragma once

#include <vector>

#include "lib/device.h"
#include "lib/result.h"

namespace ivshmemd {

class Vm;

/// The peers that this daemon takes out; with `masters`, its masters, too. One that a client is
/// already taking out is not to come back.
std::vector<DeviceSpec> devices_to_take_out(const Vm& vm, bool masters);

/// Whether they could be plugged in again. ConfigUnsupported, ModelNotSupported.
Result<void> check_can_return(const Vm& vm, const std::vector<DeviceSpec>& devices);

}  // namespace ivshmemd
