#pragma once

#include "daemon/config/reader.h"
#include "lib/device.h"

namespace ivshmemd {

/// What one [[vm.device]] table declares: the keys are Attach's parameters.
Result<DeviceRequest> read_declared_device(const toml::table& table);

}  // namespace ivshmemd
