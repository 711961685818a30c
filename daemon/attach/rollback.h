#pragma once

#include <memory>
#include <string>
#include <vector>

#include "daemon/base/async.h"
#include "lib/plan.h"

namespace ivshmemd {

class Vm;

/// Takes back what took effect of an attach. The ids that could not be deleted.
awaitable<std::vector<std::string>> roll_back(std::shared_ptr<Vm> vm, std::string device, Plan plan,
                                              std::vector<StepOutcome> outcomes);

/// Deletes what a device was to stand on, after a look that did not show the device. The ids that
/// could not be deleted.
awaitable<std::vector<std::string>> delete_parts(std::shared_ptr<Vm> vm, std::string device,
                                                 Parts parts);

}  // namespace ivshmemd
