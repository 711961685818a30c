#pragma once

#include <optional>

#include "lib/plan.h"
#include "lib/version.h"
#include "proto/qmp/command.h"
#include "proto/qmp/message.h"

// Everything that is said or understood differently from one QEMU version to another is here.

namespace ivshmemd::qmp {

/// Spells one plan step for this QEMU.
///  - object-add takes the properties in `props` before 5.2 and flat from then on (6.0 refuses
///  props).
///  - device_add gets real integers and booleans, but strings for master, addr and role: QEMU 10
///    refuses a boolean master, and reads an integer addr as device and function in one.
Command spell(const ivshmemd::Command& command, const Version& version);

/// A slot as the property `addr` wants it: two hexadecimal digits.
std::string slot_address(int slot);

/// Whether an error says that hotplug has to wait for the end of a migration.
bool is_migration_refusal(const ErrorReply& error);

/// What QEMU tells of its migration to people, its globals among that.
Command show_migration(const Version& version);
/// Whether it was started with -only-migratable; nothing where those do not say.
std::optional<bool> read_only_migratable(const json* reply);

/// Whether a device was refused because of that. QEMU does not give its backend back then.
bool is_only_migratable_refusal(const ErrorReply& error);

/// What an error in answer to device_del means for the wait.
enum class UnplugRefusal {
    already_pending,  // asked for before, the guest has not answered yet
    guest_busy,  // native PCIe hotplug: the slot's power indicator still blinks; ask again later
    no_such_device,  // gone already
    other,
};
UnplugRefusal classify_unplug_refusal(const ErrorReply& error);

}  // namespace ivshmemd::qmp
