#pragma once

#include <optional>
#include <string>
#include <vector>

#include "daemon/base/async.h"
#include "lib/device.h"
#include "lib/result.h"

namespace ivshmemd {

struct Host;

/// Gives up what replug() would plug in to a VM without being told, and what comes back to it by
/// itself; with `uuid` only of that VM. The devices. NoSuchVm; OperationInProgress while a
/// migration or a hold goes on.
awaitable<Result<std::vector<DeviceSpec>>> forget_what_is_out(Host& host, std::string vm,
                                                              std::optional<std::string> uuid);

}  // namespace ivshmemd
