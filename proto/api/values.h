#pragma once

#include "lib/capabilities.h"
#include "lib/device.h"
#include "lib/inventory.h"
#include "lib/region.h"
#include "lib/result.h"
#include "proto/json.h"

// The API's values <-> ours. What comes in has already passed the check against the interface.

namespace ivshmemd::api {

json spell_device(const Device& device);

json spell_capabilities(const Capabilities& capabilities, const std::vector<Bus>& buses);

/// `owner` is the name of the file's owner.
json spell_region(const Region& region, const std::string& owner);

/// Attach's parameters. BadName, BadSize, or InvalidParameter for unknown words and numbers out of
/// range.
Result<DeviceRequest> read_device_request(const json& parameters);

/// How long Detach waits, in ms; negative values are InvalidParameter.
Result<std::int64_t> read_timeout_ms(const json& parameters, std::int64_t fallback);

}  // namespace ivshmemd::api
