#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lib/device.h"
#include "lib/saved_state.h"

// What undoing a change of several VMs that was interrupted comes to in one of them. Nobody knows
// how far it got: what is there now tells.
namespace ivshmemd {

/// Whether a device that is there now, if any is, was brought by the change: it was to come, is
/// ours, and is not what was to leave in its place.
bool came_by(const ChangeRecord& record, const std::string& coming,
             const std::optional<Device>& now);

/// Whether a device that was to leave has to come back: it is gone, is another one, or its guest
/// was asked for it and may let it go at any time.
bool has_to_return(const DeviceSpec& before, const std::optional<Device>& now);

}  // namespace ivshmemd
