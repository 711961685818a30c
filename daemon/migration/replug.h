#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "daemon/base/async.h"
#include "lib/device.h"
#include "lib/result.h"

namespace ivshmemd {

class Vm;

/// Plugs devices in as they were, or without `devices` those this daemon remembers for the VM,
/// which may be none. An incoming VM gets masters at once, each in the very slot it had, for the
/// content that comes; the others wait until it runs. Nothing is plugged in when the VM lacks the
/// model of any of them. TimedOut, MigrationActive and the errors of attach().
awaitable<Result<std::vector<Device>>> replug(std::shared_ptr<Vm> vm,
                                              std::optional<std::vector<DeviceSpec>> devices);

}  // namespace ivshmemd
