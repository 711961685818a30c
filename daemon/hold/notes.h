#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lib/device.h"
#include "lib/hold.h"

namespace ivshmemd {

struct Host;

/// What is held, or out since a hold: of this VM, or of all, ordered by VM.
std::vector<HoldNote> hold_notes(const Host& host,
                                 const std::optional<std::string>& only = std::nullopt);

/// What is out of a VM since a hold that is over.
std::vector<DeviceSpec> left_out(const Host& host, const std::string& vm);

}  // namespace ivshmemd
