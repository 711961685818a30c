#pragma once

#include <memory>
#include <optional>
#include <string>

#include "daemon/region/files.h"
#include "daemon/relay/server_connection.h"
#include "lib/device.h"
#include "lib/result.h"

namespace ivshmemd {

class Vm;

// The region a spec will map, and what to do for it.
struct RegionChoice {
    std::string path;
    bool create = false;
    std::shared_ptr<const RegionFile> file = nullptr;  // that was judged; null when there is none
};

struct Decision {
    DeviceSpec spec;
    RegionChoice region;                       // without a server
    std::shared_ptr<ServerConnection> server;  // once it was met; used up by one attempt
};

/// Nothing: no device of that name. A device: it is equal and nothing is to be done. DeviceExists,
/// OperationInProgress.
Result<std::optional<Device>> check_existing(const Vm& vm, const DeviceRequest& request);

/// Everything but bus and slot, and what only the server can tell. BadSize, RegionMismatch,
/// PermissionDenied, MasterExists, ConfigUnsupported. Looks at the region's file and makes nothing.
Result<Decision> decide_memory(Vm& vm, const DeviceRequest& request, Model model);

/// MasterExists when another device is this memory's master: both would carry its content along,
/// and the later migration would overwrite the earlier one's. `what` names the memory.
Result<void> check_only_master(Vm& vm, const RegionIdentity& memory, const std::string& what,
                               const std::string& device);

}  // namespace ivshmemd
