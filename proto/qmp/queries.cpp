#include "proto/qmp/queries.h"

#include <nlohmann/json.hpp>

namespace ivshmemd::qmp {
namespace {

std::string text_of(const json* value) {
    const std::string* text = as_string(value);
    return text ? *text : std::string();
}

int small_int(const json* value) {
    const std::int64_t number = as_int(value).value_or(0);
    return number >= 0 && number < 65536 ? static_cast<int>(number) : 0;
}

// Collects one string member of every object in an array.
std::vector<std::string> collect(const json* reply, std::string_view member) {
    std::vector<std::string> names;
    const json* array = as_array(reply);
    if (!array) return names;
    for (const json& entry : *array) {
        if (const std::string* name = as_string(find(entry, member))) names.push_back(*name);
    }
    return names;
}

void read_bars(const json& device, PciFunction& function) {
    const json* regions = as_array(find(device, "regions"));
    if (!regions) return;
    for (const json& region : *regions) {
        if (as_int(find(region, "bar")) != 2) continue;
        function.bar2_size = as_uint(find(region, "size"));
        // An unmapped BAR has the address -1.
        const auto address = as_uint(find(region, "address"));
        function.bar2_mapped = address && *address != 0 && *address != UINT64_MAX;
    }
}

PciFunction read_function(const json& device) {
    PciFunction function;
    function.qdev_id = text_of(find(device, "qdev_id"));
    function.bus = small_int(find(device, "bus"));
    function.slot = small_int(find(device, "slot"));
    function.function = small_int(find(device, "function"));
    read_bars(device, function);
    const json* bus = find(find(device, "pci_bridge"), "bus");
    function.bridge = bus != nullptr;
    function.secondary = small_int(find(bus, "secondary"));
    const json* window = find(bus, "prefetchable_range");
    function.prefetch_base = as_uint(find(window, "base")).value_or(0);
    function.prefetch_limit = as_uint(find(window, "limit")).value_or(0);
    return function;
}

// Bridges nest no deeper than the JSON depth limit that parsing enforced.
void read_devices(const json* devices, std::vector<PciFunction>& functions) {
    devices = as_array(devices);
    if (!devices) return;
    for (const json& device : *devices) {
        functions.push_back(read_function(device));
        read_devices(find(find(device, "pci_bridge"), "devices"), functions);
    }
}

}  // namespace

std::string_view QomEntry::child_type() const {
    constexpr std::string_view opening = "child<";
    if (!type.starts_with(opening) || !type.ends_with('>')) return {};
    return std::string_view(type).substr(opening.size(), type.size() - opening.size() - 1);
}

std::string last_part(const std::string& path) {
    return path.substr(path.rfind('/') + 1);
}

Command qom_list(std::string_view path) {
    return Command("qom-list", json({{"path", path}}));
}

std::vector<QomEntry> read_qom_list(const json* reply) {
    std::vector<QomEntry> entries;
    const json* array = as_array(reply);
    if (!array) return entries;
    for (const json& entry : *array) {
        entries.push_back({text_of(find(entry, "name")), text_of(find(entry, "type"))});
    }
    return entries;
}

Command qom_get(std::string_view path, std::string_view property) {
    return Command("qom-get", json({{"path", path}, {"property", property}}));
}

Command list_ivshmem_types() {
    return Command("qom-list-types", json({{"implements", "ivshmem-common"}, {"abstract", false}}));
}

std::vector<std::string> read_type_names(const json* reply) {
    return collect(reply, "name");
}

Command list_device_properties(std::string_view type) {
    return Command("device-list-properties", json({{"typename", type}}));
}

Command query_status() {
    return Command("query-status");
}

std::optional<std::string> read_run_state(const json* reply) {
    const std::string* status = as_string(find(reply, "status"));
    if (!status) return std::nullopt;
    return *status;
}

Command query_uuid() {
    return Command("query-uuid");
}

std::string read_uuid(const json* reply) {
    const std::string* uuid = as_string(find(reply, "UUID"));
    return uuid ? *uuid : std::string();
}

Command query_kvm() {
    return Command("query-kvm");
}

bool read_kvm_enabled(const json* reply) {
    return as_bool(find(reply, "enabled")).value_or(false);
}

Command list_ram_blocks() {
    return Command("human-monitor-command", json({{"command-line", "info ramblock"}}));
}

bool mentions_backend(const json* reply, std::string_view backend_id) {
    const std::string* text = as_string(reply);
    if (!text) return false;
    // "0000:00:02.0/m0    4 KiB ...": the name ends at a blank.
    const std::string name = "/" + std::string(backend_id) + " ";
    return text->find(name) != std::string::npos;
}

std::vector<std::string> read_chardev_labels(const json* reply) {
    return collect(reply, "label");
}

std::optional<std::string> read_server_path(const json* reply) {
    const std::string* type = as_string(find(reply, "type"));
    if (!type || (*type != "unix" && *type != "fd")) return std::nullopt;
    const std::string* path = as_string(find(reply, *type == "unix" ? "path" : "str"));
    if (!path || !path->starts_with('/')) return std::nullopt;
    return *path;
}

std::vector<PciFunction> read_pci(const json* reply) {
    std::vector<PciFunction> functions;
    const json* buses = as_array(reply);
    if (!buses) return functions;
    for (const json& bus : *buses) read_devices(find(bus, "devices"), functions);
    return functions;
}

}  // namespace ivshmemd::qmp
