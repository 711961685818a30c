#pragma once

#include <memory>
#include <string>
#include <vector>

#include "daemon/base/async.h"
#include "daemon/migration/progress.h"
#include "daemon/vm/turn.h"
#include "lib/device.h"
#include "lib/result.h"

namespace ivshmemd {

class Vm;

/// Plugs one device in as it was recorded, in its old slot if that is free, which may take until
/// the slot has rested.
awaitable<Result<Device>> plug_in(std::shared_ptr<Vm> vm, DeviceSpec spec, Asker asker);

/// Plugs back the devices of this VM's record that have left it, and takes them and those that
/// never left out of the record. What is still leaving stays there. What went wrong, in words.
awaitable<std::vector<std::string>> plug_back(std::shared_ptr<Vm> vm, MigrationProgress progress);

/// Goes on with that for devices whose guest has yet to let them go, until none is left.
void keep_plugging_back(const std::shared_ptr<Vm>& vm);

}  // namespace ivshmemd
