#pragma once

#include <optional>
#include <string>
#include <variant>

#include "lib/capabilities.h"
#include "lib/device.h"
#include "lib/region.h"
#include "lib/region_places.h"
#include "lib/result.h"

// What becomes of a request to attach, from what is known at that moment. Pure: whoever calls it
// finds out the facts, and carries out what comes of it.
namespace ivshmemd {

struct AttachFacts {
    std::string vm;
    std::string run_state;
    Capabilities capabilities;
    std::optional<Device> existing;  // of the requested name
    std::uint64_t size_limit = 0;    // bytes
    RegionPlaces places;
    RegionFacts region;  // the file at region_path(); not looked at for a device with a server
    RegionTrust trust;
    // "VM/NAME" of another master of that file, and be it one of another VM that waits for a
    // migration; empty when there is none. Only a master asks.
    std::string master;
    // The same for a VM that waits itself: only of one that certainly is another, by its UUID.
    std::string other_master;
    // "VM/NAME" of a device that has this region while there is no such file: it maps one that lost
    // its name, or one that this host does not see. Empty when there is none.
    std::string cut_off;
};

/// A device that is to be made. Its bus and slot are still to be found, and with a server its size
/// may be.
struct ToAttach {
    DeviceSpec spec;
    std::string region_path;        // empty with a server
    bool create_region = false;     // there is no such file yet
    bool fill_region = false;       // there is one, and it is empty
    bool region_is_device = false;  // its memory is a driver's, which reserves it
};

/// An equal device is there, or one is to be made.
using Decided = std::variant<Device, ToAttach>;

/// Where the region of a request is, or will be.
std::string region_path(const RegionPlaces& places, const DeviceRequest& request);

/// In the order of the contract; the first failure is the answer: VmUnavailable (run state),
/// ModelNotSupported, ConfigUnsupported, OperationInProgress (it is being detached), DeviceExists,
/// BadSize, RegionMismatch, PermissionDenied, MasterExists.
Result<Decided> decide(const DeviceRequest& request, const AttachFacts& facts);

/// The part about memory alone, for a model that is resolved.
Result<ToAttach> decide_memory(const DeviceRequest& request, Model model, const AttachFacts& facts);

/// MasterExists when `holder` is one already: both would carry the memory's content along, and the
/// later migration would overwrite the earlier one's. `what` names the memory.
Result<void> check_only_master(const std::string& holder, const std::string& what);

}  // namespace ivshmemd
