#pragma once

#include <optional>
#include <string>

#include "daemon/vm/vm.h"
#include "lib/device.h"
#include "lib/result.h"

namespace ivshmemd {

// The region a spec will map, and what to do for it.
struct RegionChoice {
    std::string path;
    bool create = false;
};

struct Decision {
    DeviceSpec spec;
    RegionChoice region;
};

/// VmUnavailable in a run state that takes no device of this role.
Result<void> check_run_state(const Vm& vm, Role role);

/// Nothing: no device of that name. A device: it is equal and nothing is to be done. DeviceExists,
/// OperationInProgress.
Result<std::optional<Device>> check_existing(const Vm& vm, const DeviceRequest& request);

/// Size and region; bus and slot are still open. BadSize, RegionMismatch, PermissionDenied,
/// MasterExists. Looks at the region's file and makes nothing.
Result<Decision> decide_region(Vm& vm, const DeviceRequest& request, Model model);

}  // namespace ivshmemd
