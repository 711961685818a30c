#include "proto/state_records.h"

#include <array>
#include <nlohmann/json.hpp>

#include "lib/names.h"
#include "proto/api/migration_values.h"
#include "proto/json.h"

namespace ivshmemd::state_records {
namespace {

constexpr std::array phase_names{"detaching", "migrating", "replugging", "completed", "held"};
constexpr std::array fate_names{"none", "attached", "away"};

// The enumerator whose word it is.
template <class Enum, std::size_t count>
std::optional<Enum> read_word(const json* word, const std::array<const char*, count>& names) {
    const std::string* name = as_string(word);
    for (std::size_t i = 0; name && i < count; ++i) {
        if (*name == names[i]) return static_cast<Enum>(i);
    }
    return std::nullopt;
}

// Empty when it is not there: earlier releases did not write it. Nothing when it is no text.
std::optional<std::string> read_later_text(const json* value) {
    if (!value) return std::string();
    const std::string* text = as_string(value);
    if (!text) return std::nullopt;
    return *text;
}

std::optional<std::vector<std::string>> read_coming(const json* value) {
    const json* entries = as_array(value);
    if (!entries) return std::nullopt;
    std::vector<std::string> coming;
    for (const json& entry : *entries) {
        const std::string* device = as_string(find(entry, "device"));
        if (!device || !check_device_name(*device)) return std::nullopt;
        coming.push_back(*device);
    }
    return coming;
}

json spell_specs(const std::vector<DeviceSpec>& specs) {
    json entries = json::array();
    for (const DeviceSpec& spec : specs) entries.push_back(api::spell_spec(spec));
    return entries;
}

}  // namespace

std::optional<CreatedRegion> read_region(const json& entry) {
    const std::string* path = as_string(find(entry, "path"));
    const auto device = as_uint(find(entry, "device"));
    const auto inode = as_uint(find(entry, "inode"));
    if (!path || !device || !inode || !path->starts_with('/')) return std::nullopt;
    const std::string* made_for = as_string(find(entry, "wantedBy"));
    CreatedRegion record{*path, *device, *inode, made_for ? *made_for : ""};
    if (const auto mode = as_uint(find(entry, "permissions"))) record.mode = *mode & 0777U;
    record.change = as_uint(find(entry, "change")).value_or(0);
    return record;
}

json spell(const CreatedRegion& record) {
    // The package's removal reads these three in this order, and nothing between them.
    json entry = {{"path", record.path}, {"device", record.device}, {"inode", record.inode}};
    if (!record.made_for.empty()) entry["wantedBy"] = record.made_for;
    if (record.mode != CreatedRegion().mode) entry["permissions"] = record.mode;
    if (record.change != 0) entry["change"] = record.change;
    return entry;
}

std::optional<RemovalIntent> read_removal(const json& entry) {
    const std::string* vm = as_string(find(entry, "vm"));
    const std::string* uuid = as_string(find(entry, "uuid"));
    const std::string* device = as_string(find(entry, "device"));
    const std::string* region = as_string(find(entry, "region"));
    const auto remove_region = as_bool(find(entry, "removeRegion"));
    const auto run = read_later_text(find(entry, "run"));
    if (!vm || !uuid || !device || !region || !remove_region || !run) return std::nullopt;
    if (!check_vm_name(*vm) || !check_device_name(*device)) return std::nullopt;
    if (!region->empty() && !check_region_name(*region)) return std::nullopt;
    return RemovalIntent{*vm, *uuid, *device, *region, *remove_region, *run};
}

json spell(const RemovalIntent& record) {
    return {{"vm", record.vm},
            {"uuid", record.uuid},
            {"device", record.device},
            {"region", record.region},
            {"removeRegion", record.remove_region},
            {"run", record.run}};
}

std::optional<MigrationRecord> read_migration(const json& entry) {
    const std::string* vm = as_string(find(entry, "vm"));
    const std::string* uuid = as_string(find(entry, "uuid"));
    const std::string* uri = as_string(find(entry, "uri"));
    const std::string* destination = as_string(find(entry, "destination"));
    const auto phase = read_word<MigrationPhase>(find(entry, "phase"), phase_names);
    const auto return_path = as_bool(find(entry, "returnPath"));
    const json* devices = find(entry, "devices");
    if (!vm || !uuid || !uri || !destination || !phase || !return_path || !devices) {
        return std::nullopt;
    }
    if (!check_vm_name(*vm)) return std::nullopt;
    if (!destination->empty() && !check_vm_name(*destination)) return std::nullopt;
    Result<std::vector<DeviceSpec>> specs = api::read_specs(*devices);
    if (!specs) return std::nullopt;
    return MigrationRecord{*vm, *uuid, *phase, *uri, *destination, *return_path, *specs};
}

json spell(const MigrationRecord& record) {
    return {{"vm", record.vm},
            {"uuid", record.uuid},
            {"phase", phase_names[static_cast<std::size_t>(record.phase)]},
            {"uri", record.uri},
            {"destination", record.destination},
            {"returnPath", record.return_path},
            {"devices", spell_specs(record.devices)}};
}

std::optional<DeclaredRecord> read_declared(const json& entry) {
    const std::string* vm = as_string(find(entry, "vm"));
    const std::string* device = as_string(find(entry, "device"));
    const std::string* run = as_string(find(entry, "run"));
    const json* word = find(entry, "model");
    const auto fate = read_word<DeclaredFate>(find(entry, "fate"), fate_names);
    if (!vm || !device || !run || !fate) return std::nullopt;
    if (!check_vm_name(*vm) || !check_device_name(*device)) return std::nullopt;
    DeclaredRecord record{*vm, *device, {}, *fate, *run};
    if (!word) return record;
    const std::string* name = as_string(word);
    if (name) record.model = model_from_api_name(*name);
    if (!record.model) return std::nullopt;
    return record;
}

json spell(const DeclaredRecord& record) {
    json entry = {{"vm", record.vm},
                  {"device", record.device},
                  {"fate", fate_names[static_cast<std::size_t>(record.fate)]},
                  {"run", record.run}};
    if (record.model) entry["model"] = api_name(*record.model);
    return entry;
}

std::optional<DoorbellRecord> read_doorbell(const json& entry) {
    const std::string* vm = as_string(find(entry, "vm"));
    const std::string* uuid = as_string(find(entry, "uuid"));
    const std::string* run = as_string(find(entry, "run"));
    const std::string* device = as_string(find(entry, "device"));
    const auto top = as_number<int>(find(entry, "top"));
    const int floor = as_number<int>(find(entry, "floor")).value_or(0);
    if (!vm || !uuid || !run || !device || !top || *top < 0) return std::nullopt;
    if (floor < 0 || floor > *top) return std::nullopt;
    if (!check_vm_name(*vm) || !check_device_name(*device)) return std::nullopt;
    return DoorbellRecord{*vm, *uuid, *run, *device, {floor, *top}};
}

json spell(const DoorbellRecord& record) {
    return {{"vm", record.vm},         {"uuid", record.uuid},     {"run", record.run},
            {"device", record.device}, {"top", record.range.top}, {"floor", record.range.floor}};
}

std::optional<ProofRecord> read_proof(const json& entry) {
    const std::string* vm = as_string(find(entry, "vm"));
    const std::string* uuid = as_string(find(entry, "uuid"));
    const std::string* run = as_string(find(entry, "run"));
    const std::string* backend = as_string(find(entry, "backend"));
    const auto device = as_uint(find(entry, "device"));
    const auto inode = as_uint(find(entry, "inode"));
    if (!vm || !uuid || !run || !backend || !device || !inode) return std::nullopt;
    if (!check_vm_name(*vm) || !check_backend_id(*backend)) return std::nullopt;
    return ProofRecord{*vm, *uuid, *run, *backend, *device, *inode};
}

void append(std::string& text, const ProofRecord& record) {
    const auto add = [&](std::string_view key, const std::string& value) {
        text.append(key);
        append_quoted(text, value);
    };
    add(R"({"backend":)", record.backend);
    text.append(R"(,"device":)").append(std::to_string(record.device));
    text.append(R"(,"inode":)").append(std::to_string(record.inode));
    add(R"(,"run":)", record.run);
    add(R"(,"uuid":)", record.uuid);
    add(R"(,"vm":)", record.vm);
    text += '}';
}

std::optional<ChangeRecord> read_change(const json& entry) {
    const auto number = as_uint(find(entry, "number"));
    const std::string* vm = as_string(find(entry, "vm"));
    const std::string* uuid = as_string(find(entry, "uuid"));
    const std::string* run = as_string(find(entry, "run"));
    const auto coming = read_coming(find(entry, "coming"));
    const json* leaving = find(entry, "leaving");
    if (!number || !vm || !uuid || !run || !coming || !leaving) return std::nullopt;
    if (!check_vm_name(*vm)) return std::nullopt;
    Result<std::vector<DeviceSpec>> specs = api::read_specs(*leaving);
    if (!specs) return std::nullopt;
    return ChangeRecord{*number, *vm, *uuid, *run, *coming, *specs};
}

json spell(const ChangeRecord& record) {
    json coming = json::array();
    for (const std::string& each : record.coming) coming.push_back({{"device", each}});
    return {{"number", record.number}, {"vm", record.vm},
            {"uuid", record.uuid},     {"run", record.run},
            {"coming", coming},        {"leaving", spell_specs(record.leaving)}};
}

}  // namespace ivshmemd::state_records
