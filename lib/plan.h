#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "lib/device.h"

namespace ivshmemd {

/// The QMP commands a plan is made of, as values. proto/qmp spells them for each QEMU version.
struct AddBackend {
    std::string id;
    std::string path;
    std::uint64_t size = 0;  // bytes
    bool readonly = false;
    std::optional<int> numa{};
    bool prealloc = false;
};
struct DelBackend {
    std::string id;
};
/// What a device stands on beside itself. Only what its kind needs is filled in.
struct Parts {
    std::string backend_id;     // plain; of legacy without a server, until it was tried
    std::string memory_path;    // the region's file: plain, and legacy without a server
    std::string chardev_id;     // with a server
    std::string bus_address{};  // what QEMU calls the bus
    std::string bus_path{};  // QOM path of the bus, where QEMU's answer has to be compared with it
    Mapping memory{};        // what the backend maps, once that is known
};
struct AddDevice {
    std::string id;
    Parts parts;
    DeviceSpec spec;
};
struct DelDevice {
    std::string id;  // QEMU id, or QOM path for a device that has none
};
/// Hands QEMU the descriptor that is sent along, under a name.
struct PassFd {
    std::string name;
};
/// Takes back one that nothing used.
struct CloseFd {
    std::string name;
};
/// A socket chardev on a descriptor that was passed.
struct AddChardev {
    std::string id;
    std::string fd_name;
};
struct DelChardev {
    std::string id;
};
/// Asks which bus a device sits on. Changes nothing.
struct AskBus {
    std::string id;
};
using Command = std::variant<AddBackend, DelBackend, AddDevice, DelDevice, PassFd, CloseFd,
                             AddChardev, DelChardev, AskBus>;

/// One step and what takes it back once it has succeeded.
struct Step {
    Command command;
    std::optional<Command> undo;
};

/// Steps in order, sent in one write: each is harmless when an earlier one has failed.
using Plan = std::vector<Step>;

/// How a device is attached. One with a server gets a descriptor under the server's path, which
/// QEMU gives back when the chardev is asked for its address: nothing else has to remember it. A
/// legacy one without makes QEMU abort when its memory cannot be made, so that QEMU first makes a
/// backend like it, which may fail, and deletes that again. The last step of one on a bus that QEMU
/// finds by a path asks where the device has come to be.
Plan plan_attach(const DeviceSpec& spec, const Parts& parts);

/// What came of one step.
enum class StepOutcome {
    done,
    refused,  // QEMU answered with an error: nothing happened
    unknown,  // no answer in time, or the monitor went away
};

/// The undo commands for the steps that took effect, last first. Unknown steps count as done:
/// taking back what is not there is harmless. A refused device_add leaves its backend to be
/// deleted; a backend that a step of the plan has deleted is not there.
std::vector<Command> undo_of(const Plan& plan, const std::vector<StepOutcome>& outcomes);

}  // namespace ivshmemd
