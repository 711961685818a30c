#pragma once

#include <vector>

#include "lib/device.h"
#include "lib/hold.h"
#include "lib/reason.h"
#include "lib/result.h"
#include "proto/json.h"

// What the methods about migration take and give.

namespace ivshmemd::api {

json spell_reasons(const std::vector<Reason>& reasons);

/// A DeviceSpec as the API and the state file have it.
json spell_spec(const DeviceSpec& spec);

/// A Hold of the API.
json spell_hold(const HoldNote& note);

/// BadName, BadSize or InvalidParameter, with the device's name where it has one. Nothing is taken
/// on trust: the object may come from a file.
Result<DeviceSpec> read_spec(const json& object);

/// All of an array, or the first fault; two devices of one name are InvalidParameter.
Result<std::vector<DeviceSpec>> read_specs(const json& array);

}  // namespace ivshmemd::api
