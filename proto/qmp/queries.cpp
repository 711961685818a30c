#include "proto/qmp/queries.h"

#include <nlohmann/json.hpp>

namespace ivshmemd::qmp {
namespace {

std::string text_of(const json* value) {
    const std::string* text = as_string(value);
    return text ? *text : std::string();
}

// 0 to `last`; nothing for what is no such number.
std::optional<int> number_to(int last, const json* value) {
    const auto number = as_number<int>(value);
    return number && *number >= 0 && *number <= last ? number : std::nullopt;
}

constexpr int last_bus = 255;
constexpr int last_slot = 31;
constexpr int last_function = 7;

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
        const std::uint64_t size = read_size(find(region, "size")).value_or(0);
        // An unmapped BAR has the address -1.
        const auto address = as_uint(find(region, "address"));
        const bool mapped = address && *address != 0 && *address != UINT64_MAX;
        const bool memory = text_of(find(region, "type")) != "io";
        if (mapped && memory && size > 0) function.bars.push_back({*address, *address + size - 1});
        if (as_int(find(region, "bar")) != 2) continue;
        function.bar2_size = read_size(find(region, "size"));
        function.bar2_mapped = mapped;
    }
}

AddressRange read_window(const json* bus, const char* key) {
    const json* window = find(bus, key);
    const auto base = as_uint(find(window, "base"));
    const auto limit = as_uint(find(window, "limit"));
    return base && limit ? AddressRange{*base, *limit} : AddressRange{1, 0};
}

// A part of a function's address; 0 when it is left out.
std::optional<int> read_part(const json& device, const char* key, int last) {
    const json* value = find(device, key);
    return value ? number_to(last, value) : 0;
}

// Nothing for one that is at no place: it says nothing about any.
std::optional<PciFunction> read_function(const json& device) {
    const auto bus_number = read_part(device, "bus", last_bus);
    const auto slot = read_part(device, "slot", last_slot);
    const auto number = read_part(device, "function", last_function);
    if (!bus_number || !slot || !number) return std::nullopt;
    PciFunction function;
    function.qdev_id = text_of(find(device, "qdev_id"));
    function.bus = *bus_number;
    function.slot = *slot;
    function.function = *number;
    read_bars(device, function);
    const json* bus = find(find(device, "pci_bridge"), "bus");
    function.bridge = bus != nullptr;
    function.secondary = number_to(last_bus, find(bus, "secondary")).value_or(0);
    function.subordinate = number_to(last_bus, find(bus, "subordinate")).value_or(0);
    function.prefetch_window = read_window(bus, "prefetchable_range");
    function.memory_window = read_window(bus, "memory_range");
    return function;
}

// Bridges nest no deeper than the JSON depth limit that parsing enforced.
void read_devices(const json* devices, std::vector<PciFunction>& functions) {
    devices = as_array(devices);
    if (!devices) return;
    for (const json& device : *devices) {
        if (auto function = read_function(device)) functions.push_back(std::move(*function));
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
    return Command::of_texts("qom-list", {{"path", path}});
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
    return Command::of_texts("qom-get", {{"path", path}, {"property", property}});
}

std::optional<std::uint64_t> read_size(const json* reply) {
    const auto bytes = as_int(reply);
    if (!bytes || *bytes < 0) return std::nullopt;
    return static_cast<std::uint64_t>(*bytes);
}

std::optional<int> read_devfn(const json* reply) {
    return number_to(last_slot * 8 + last_function, reply);
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

bool says_no_machine(std::string_view description) {
    return description.find("machine initialization") != std::string_view::npos ||
           description.find("'preconfig'") != std::string_view::npos;  // before 6.0
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
