#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "lib/device.h"
#include "lib/region.h"
#include "lib/result.h"
#include "lib/transaction.h"

// Which VMs are to have which devices, as one description of all of them, and what it takes to get
// there from what is there.
namespace ivshmemd {

/// One device of one VM.
struct WantedDevice {
    std::string vm;
    DeviceRequest request;
    std::string key;     // where the description has the device, as a JSON pointer
    std::string vm_key;  // where it names the VM
    std::string mode{};  // of its region's file, as mode_digits() has it; empty: the usual, or any
};

using Topology = std::vector<WantedDevice>;

/// InvalidParameter for each device that a VM is given twice. Each with its "key".
std::vector<Error> check_topology(const Topology& topology);

/// Adds the "key" to faults of devices and VMs that were described.
void add_keys(std::vector<Error>& faults, const Topology& topology);

enum class Action {
    keep,      // it is there as described
    attach,    // it is not there
    exchange,  // it is there otherwise: it is detached, and attached as described
    detach,    // it is there and not described
};

std::string_view action_name(Action action);

struct Change {
    Action action = Action::keep;
    std::string vm;
    std::string device;
    std::string reason{};  // of an exchange: what is otherwise
    std::string key{};     // where the description has it; empty for what it does not have
    /// Of a device that comes: its step of VmPlan::attach.
    std::size_t step = 0;
};

/// What is there of one VM.
struct PresentDevices {
    std::vector<Device> devices;
    std::vector<std::string>
        kept;  // names of those that are not to go although nobody described them
};

struct Difference {
    std::vector<Change> changes;  // by VM, those described first
    std::vector<VmPlan> plans;    // of the VMs that are described or lose something
};

/// RegionMismatch when the file of a region that is there has another mode than described,
/// ConfigUnsupported when one that is to be made cannot have it; see check_made_mode().
Result<void> check_mode(const std::string& mode, const std::string& path, const RegionFacts& file,
                        bool lets_in);

enum class Undescribed { stay, go };

/// `present`: by VM. Devices of others are never touched.
Difference compare(const Topology& topology, const std::map<std::string, PresentDevices>& present,
                   Undescribed undescribed);

}  // namespace ivshmemd
