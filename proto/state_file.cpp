#include "proto/state_file.h"

#include <nlohmann/json.hpp>

#include <array>
#include <limits>

#include "lib/names.h"
#include "proto/api/migration_values.h"
#include "proto/json.h"

namespace ivshmemd {
namespace {

constexpr std::int64_t version = 1;
constexpr JsonLimits limits{4 << 20, 16, true, true};

Error unreadable(std::string why) {
    return Error(ErrorKind::internal, "the state file is unreadable: " + std::move(why));
}

std::optional<CreatedRegion> read_region(const json& entry) {
    const std::string* path = as_string(find(entry, "path"));
    const auto device = as_uint(find(entry, "device"));
    const auto inode = as_uint(find(entry, "inode"));
    if (!path || !device || !inode || !path->starts_with('/')) return std::nullopt;
    return CreatedRegion{*path, *device, *inode};
}

std::optional<RemovalIntent> read_removal(const json& entry) {
    const std::string* vm = as_string(find(entry, "vm"));
    const std::string* uuid = as_string(find(entry, "uuid"));
    const std::string* device = as_string(find(entry, "device"));
    const std::string* region = as_string(find(entry, "region"));
    const auto remove_region = as_bool(find(entry, "removeRegion"));
    if (!vm || !uuid || !device || !region || !remove_region) return std::nullopt;
    if (!check_vm_name(*vm) || !check_device_name(*device)) return std::nullopt;
    if (!region->empty() && !check_region_name(*region)) return std::nullopt;
    const std::string* run = as_string(find(entry, "run"));  // earlier releases wrote none
    return RemovalIntent{*vm, *uuid, *device, *region, *remove_region, run ? *run : ""};
}

constexpr std::array phase_names{"detaching", "migrating", "replugging", "completed"};

std::optional<MigrationPhase> read_phase(const json* word) {
    const std::string* name = as_string(word);
    for (std::size_t i = 0; name && i < phase_names.size(); ++i) {
        if (*name == phase_names[i]) return static_cast<MigrationPhase>(i);
    }
    return std::nullopt;
}

std::optional<MigrationRecord> read_migration(const json& entry) {
    const std::string* vm = as_string(find(entry, "vm"));
    const std::string* uuid = as_string(find(entry, "uuid"));
    const std::string* uri = as_string(find(entry, "uri"));
    const std::string* destination = as_string(find(entry, "destination"));
    const auto phase = read_phase(find(entry, "phase"));
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

json spell_migration(const MigrationRecord& record) {
    json devices = json::array();
    for (const DeviceSpec& spec : record.devices) devices.push_back(api::spell_spec(spec));
    return {{"vm", record.vm},
            {"uuid", record.uuid},
            {"phase", phase_names[static_cast<std::size_t>(record.phase)]},
            {"uri", record.uri},
            {"destination", record.destination},
            {"returnPath", record.return_path},
            {"devices", std::move(devices)}};
}

constexpr std::array fate_names{"none", "attached", "away"};

std::optional<DeclaredFate> read_fate(const json* word) {
    const std::string* name = as_string(word);
    for (std::size_t i = 0; name && i < fate_names.size(); ++i) {
        if (*name == fate_names[i]) return static_cast<DeclaredFate>(i);
    }
    return std::nullopt;
}

std::optional<DeclaredRecord> read_declared(const json& entry) {
    const std::string* vm = as_string(find(entry, "vm"));
    const std::string* device = as_string(find(entry, "device"));
    const std::string* run = as_string(find(entry, "run"));
    const json* word = find(entry, "model");
    const auto fate = read_fate(find(entry, "fate"));
    if (!vm || !device || !run || !fate) return std::nullopt;
    if (!check_vm_name(*vm) || !check_device_name(*device)) return std::nullopt;
    DeclaredRecord record{*vm, *device, {}, *fate, *run};
    if (!word) return record;
    const std::string* name = as_string(word);
    if (name) record.model = model_from_api_name(*name);
    if (!record.model) return std::nullopt;
    return record;
}

json spell_declared(const DeclaredRecord& record) {
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
    const auto top = as_int(find(entry, "top"));
    if (!vm || !uuid || !run || !device || !top) return std::nullopt;
    if (!check_vm_name(*vm) || !check_device_name(*device)) return std::nullopt;
    if (*top < 0 || *top > std::numeric_limits<int>::max()) return std::nullopt;
    return DoorbellRecord{*vm, *uuid, *run, *device, static_cast<int>(*top)};
}

// All entries, or nothing when one is damaged.
template <class Record, class Read>
std::optional<std::vector<Record>> read_all(const json* entries, Read read) {
    entries = as_array(entries);
    if (!entries) return std::nullopt;
    std::vector<Record> records;
    for (const json& entry : *entries) {
        std::optional<Record> record = read(entry);
        if (!record) return std::nullopt;
        records.push_back(std::move(*record));
    }
    return records;
}

}  // namespace

std::string spell_state(const SavedState& state) {
    json regions = json::array();
    for (const CreatedRegion& each : state.regions) {
        regions.push_back({{"path", each.path}, {"device", each.device}, {"inode", each.inode}});
    }
    json removals = json::array();
    for (const RemovalIntent& each : state.removals) {
        removals.push_back({{"vm", each.vm},
                            {"uuid", each.uuid},
                            {"device", each.device},
                            {"region", each.region},
                            {"removeRegion", each.remove_region},
                            {"run", each.run}});
    }
    json migrations = json::array();
    for (const MigrationRecord& each : state.migrations) {
        migrations.push_back(spell_migration(each));
    }
    json declared = json::array();
    for (const DeclaredRecord& each : state.declared) declared.push_back(spell_declared(each));
    json doorbells = json::array();
    for (const DoorbellRecord& each : state.doorbells) {
        doorbells.push_back({{"vm", each.vm},
                             {"uuid", each.uuid},
                             {"run", each.run},
                             {"device", each.device},
                             {"top", each.top}});
    }
    const json document = {{"version", version},   {"regions", regions},
                           {"removals", removals}, {"migrations", migrations},
                           {"declared", declared}, {"doorbells", doorbells}};
    return dump_json(document) + "\n";
}

Result<SavedState> parse_state(std::string_view text) {
    const ParsedJson parsed = parse_json(text, limits);
    if (!parsed) return unreadable(parsed.detail);
    if (as_int(find(*parsed.value, "version")) != version) return unreadable("not version 1");
    // Files of earlier releases lack the last three.
    const json none = json::array();
    const auto later = [&](const char* key) {
        const json* written = find(*parsed.value, key);
        return written ? written : &none;
    };
    auto regions = read_all<CreatedRegion>(find(*parsed.value, "regions"), read_region);
    auto removals = read_all<RemovalIntent>(find(*parsed.value, "removals"), read_removal);
    auto migrations = read_all<MigrationRecord>(later("migrations"), read_migration);
    auto declared = read_all<DeclaredRecord>(later("declared"), read_declared);
    auto doorbells = read_all<DoorbellRecord>(later("doorbells"), read_doorbell);
    if (!regions || !removals || !migrations || !declared || !doorbells) {
        return unreadable("an entry is damaged");
    }
    return SavedState{std::move(*regions), std::move(*removals), std::move(*migrations),
                      std::move(*declared), std::move(*doorbells)};
}

}  // namespace ivshmemd
