#pragma once

#include <optional>
#include <string>

#include "lib/saved_state.h"
#include "proto/json.h"

// The entries of the state file, kind by kind. Reading answers nothing for one that is damaged.

namespace ivshmemd::state_records {

std::optional<CreatedRegion> read_region(const json& entry);
std::optional<RemovalIntent> read_removal(const json& entry);
std::optional<MigrationRecord> read_migration(const json& entry);
std::optional<DeclaredRecord> read_declared(const json& entry);
std::optional<DoorbellRecord> read_doorbell(const json& entry);
std::optional<ProofRecord> read_proof(const json& entry);
std::optional<ChangeRecord> read_change(const json& entry);

json spell(const CreatedRegion& record);
json spell(const RemovalIntent& record);
json spell(const MigrationRecord& record);
json spell(const DeclaredRecord& record);
json spell(const DoorbellRecord& record);
json spell(const ChangeRecord& record);
/// As text, behind what is there: there may be as many as devices, and all are spelled whenever one
/// comes.
void append(std::string& text, const ProofRecord& record);

}  // namespace ivshmemd::state_records
