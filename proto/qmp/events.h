#pragma once

#include <string>
#include <variant>

#include "proto/qmp/message.h"

// What QEMU tells unasked, as far as it matters here.

namespace ivshmemd::qmp {

/// A device has left the machine.
struct DeviceDeleted {
    std::string path;    // in QOM
    std::string device;  // its id; empty when it has none
};

/// The guest refused to let a device go.
struct UnplugRefused {
    std::string path;
};

/// The machine was reset. Its run state may be another one, too.
struct Reset {};

/// A migration went on. So may the run state.
struct MigrationChanged {
    std::string status;  // empty when QEMU does not say
};

/// QEMU does not say in the event which one it is now.
struct RunStateMayChange {};

/// Nothing of ours. MEM_UNPLUG_ERROR is among them: it is about DIMMs.
struct Other {};

using QemuEvent =
    std::variant<DeviceDeleted, UnplugRefused, Reset, MigrationChanged, RunStateMayChange, Other>;

QemuEvent read_event(const Event& event);

}  // namespace ivshmemd::qmp
