#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lib/migration/migration.h"
#include "proto/json.h"
#include "proto/qmp/command.h"

// Migration as QMP spells it, the same in all versions.

namespace ivshmemd::qmp {

Command query_migrate();
MigrationFacts read_migration(const json* reply);

/// The status in a MIGRATION event's data; empty when there is none.
std::string read_migration_status(const json* data);

Command migrate(const std::string& uri);

/// Sets one migration capability. A QEMU that is migrating refuses.
Command set_migration_capability(const std::string& name, bool on);

Command query_migration_capabilities();
Command query_migration_parameters();
/// From the answers to both; what was not answered is off.
MigrationSettings read_migration_settings(const json* capabilities, const json* parameters);

Command migrate_cancel();

/// Nothing when this QEMU has no capability of that name.
std::optional<bool> read_migration_capability(const json* reply, std::string_view name);

}  // namespace ivshmemd::qmp
