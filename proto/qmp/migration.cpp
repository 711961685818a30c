#include "proto/qmp/migration.h"

#include <nlohmann/json.hpp>

#include "proto/qmp/queries.h"

namespace ivshmemd::qmp {
namespace {

std::string word(const json* object, std::string_view key) {
    const std::string* text = as_string(find(object, key));
    return text ? *text : std::string();
}

std::vector<std::string> read_words(const json* array) {
    std::vector<std::string> words;
    if (!as_array(array)) return words;
    for (const json& each : *array) {
        if (const std::string* text = as_string(&each)) words.push_back(*text);
    }
    return words;
}

std::vector<ListenAddress> read_addresses(const json* array) {
    std::vector<ListenAddress> addresses;
    if (!as_array(array)) return addresses;
    for (const json& each : *array) {
        addresses.push_back({word(&each, "path"), word(&each, "host"), word(&each, "port")});
    }
    return addresses;
}

// 0 for what no network does: before its first measurement QEMU may divide by next to nothing.
double read_rate(const json* value) {
    constexpr double fastest = 1e9;
    const double rate = value && value->is_number() ? value->get<double>() : 0;
    return rate > 0 && rate < fastest ? rate : 0;
}

}  // namespace

Command query_migrate() {
    return Command("query-migrate");
}

MigrationFacts read_migration(const json* reply) {
    MigrationFacts facts;
    facts.status = word(reply, "status");
    facts.error = word(reply, "error-desc");
    facts.blocked = read_words(find(reply, "blocked-reasons"));
    facts.listens = read_addresses(find(reply, "socket-address"));
    facts.downtime = as_int(find(reply, "downtime"))
                         .value_or(as_int(find(reply, "expected-downtime")).value_or(0));
    const json* ram = find(reply, "ram");
    facts.transferred = read_size(find(ram, "transferred")).value_or(0);
    facts.remaining = read_size(find(ram, "remaining")).value_or(0);
    facts.megabits_per_second = read_rate(find(ram, "mbps"));
    return facts;
}

std::string read_migration_status(const json* data) {
    return word(data, "status");
}

Command migrate(const std::string& uri) {
    return Command("migrate", json({{"uri", uri}}));
}

Command set_migration_capability(const std::string& name, bool on) {
    const json capability = {{"capability", name}, {"state", on}};
    return Command("migrate-set-capabilities", json({{"capabilities", json::array({capability})}}));
}

Command query_migration_capabilities() {
    return Command("query-migrate-capabilities");
}

Command query_migration_parameters() {
    return Command("query-migrate-parameters");
}

MigrationSettings read_migration_settings(const json* capabilities, const json* parameters) {
    MigrationSettings settings;
    settings.ignores_shared =
        read_migration_capability(capabilities, "x-ignore-shared").value_or(false);
    settings.mode = word(parameters, "mode");
    return settings;
}

Command migrate_cancel() {
    return Command("migrate_cancel");
}

std::optional<bool> read_migration_capability(const json* reply, std::string_view name) {
    if (!as_array(reply)) return std::nullopt;
    for (const json& each : *reply) {
        if (word(&each, "capability") == name) return as_bool(find(each, "state"));
    }
    return std::nullopt;
}

}  // namespace ivshmemd::qmp
