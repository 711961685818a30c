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
};
struct DelBackend {
    std::string id;
};
struct AddDevice {
    std::string id;
    std::string backend_id;
    DeviceSpec spec;
};
struct DelDevice {
    std::string id;  // QEMU id, or QOM path for a device that has none
};
struct DelChardev {
    std::string id;
};
using Command = std::variant<AddBackend, DelBackend, AddDevice, DelDevice, DelChardev>;

/// One step and what takes it back once it has succeeded.
struct Step {
    Command command;
    std::optional<Command> undo;
};

/// Steps in order, sent in one write: each is harmless when an earlier one has failed.
using Plan = std::vector<Step>;

/// Attach of a shared-memory device without a server.
Plan plan_attach(const DeviceSpec& spec, const std::string& backend,
                 const std::string& region_path);

/// What came of one step.
enum class StepOutcome {
    done,
    refused,  // QEMU answered with an error: nothing happened
    unknown,  // no answer in time, or the monitor went away
};

/// The undo commands for the steps that took effect, last first. Unknown steps count as done:
/// taking back what is not there is harmless. A refused device_add leaves its backend to be
/// deleted.
std::vector<Command> undo_of(const Plan& plan, const std::vector<StepOutcome>& outcomes);

}  // namespace ivshmemd
