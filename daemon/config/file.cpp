#include "daemon/config/file.h"

#include "daemon/base/accounts.h"
#include "daemon/config/devices.h"
#include "daemon/config/reader.h"
#include "lib/declared_devices.h"
#include "lib/names.h"

namespace ivshmemd {
namespace {

ValueReader group_into(std::optional<gid_t>& target) {
    return [&target](const toml::node& node) -> std::string {
        const auto name = node.value_exact<std::string>();
        target = name ? group_id(*name) : std::nullopt;
        return target ? "" : "expected the name of a group";
    };
}

ValueReader count_into(unsigned& target) {
    return [&target](const toml::node& node) -> std::string {
        const auto value = node.value_exact<std::int64_t>();
        if (!value || *value < 1 || *value > 100000) return "expected a number from 1 to 100000";
        target = static_cast<unsigned>(*value);
        return "";
    };
}

std::string read_region_size(const toml::node& node, Config& config) {
    const auto text = node.value_exact<std::string>();
    const Result<std::uint64_t> size = parse_size(text ? *text : "");
    if (!size || *size < min_region_size) return "expected a size such as \"4G\"";
    config.region_size_limit = *size;
    return "";
}

std::string read_percent(const toml::node& node, Config& config) {
    const auto percent = node.value_exact<std::int64_t>();
    if (!percent || *percent < 0 || *percent > 90) return "expected a number of percent, 0 to 90";
    config.reserve_percent = static_cast<unsigned>(*percent);
    return "";
}

std::string read_users(const toml::node& node, Config& config) {
    const toml::array* users = node.as_array();
    if (!users) return "expected a list of users";
    for (const toml::node& user : *users) {
        const auto name = user.value_exact<std::string>();
        const auto id = name ? user_id(*name) : std::nullopt;
        if (!id) return "no such user: " + (name ? printable(*name) : "not a text");
        config.trusted_users.insert(*id);
    }
    return "";
}

// A name that stands before a colon, or for a device; empty when it is fine.
std::string fault_of_name(const std::string& name, const Config& config) {
    const Result<void> sound = check_device_name(name);
    if (!sound) return sound.error().message;
    const bool is_taken = config.region_dirs.contains(name) || config.region_devices.contains(name);
    return is_taken ? "two places of regions are named " + name : "";
}

Result<void> read_region_dir(const toml::table& table, Config& config) {
    std::string name;
    std::string path;
    const auto store = [&path](std::string absolute) { path = std::move(absolute); };
    const Result<void> read =
        read_table(table, "region_dir.", {{"name", text_into(name)}, {"path", path_into(store)}});
    if (!read) return read.error();
    const std::string fault = fault_of_name(name, config);
    if (!fault.empty()) return config_error("region_dir.name", fault, table.source());
    if (path.empty()) return config_error("region_dir.path", "it has no path", table.source());
    config.region_dirs[name] = path;
    return {};
}

Result<void> read_region_device(const toml::table& table, Config& config) {
    std::string name;
    RegionDevice device;
    const auto store = [&device](std::string absolute) { device.path = std::move(absolute); };
    const auto read_size = [&device](const toml::node& node) -> std::string {
        const auto text = node.value_exact<std::string>();
        if (!text) return "expected a size such as \"64M\"";
        const Result<std::uint64_t> size = parse_region_size(*text);
        if (!size) return size.error().message;
        device.size = *size;
        return "";
    };
    const Result<void> read =
        read_table(table, "region_device.",
                   {{"name", text_into(name)}, {"path", path_into(store)}, {"size", read_size}});
    if (!read) return read.error();
    const std::string fault = fault_of_name(name, config);
    if (!fault.empty()) return config_error("region_device.name", fault, table.source());
    if (device.path.empty()) {
        return config_error("region_device.path", "it has no path", table.source());
    }
    config.region_devices[name] = std::move(device);
    return {};
}

// Declared before the VM's name is known, perhaps: tables come in no order.
struct VmTable {
    VmConfig vm;
    std::vector<std::pair<DeviceRequest, toml::source_region>> devices;
};

Readers vm_readers(VmTable& entry) {
    VmConfig& vm = entry.vm;
    return {{"name", text_into(vm.name)},
            {"qmp", path_into([&vm](std::string path) { vm.qmp_socket = std::move(path); })},
            {"user",
             [&vm](const toml::node& node) -> std::string {
                 const auto name = node.value_exact<std::string>();
                 vm.user = name ? user_id(*name) : std::nullopt;
                 return vm.user ? "" : "expected the name of a user";
             }},
            {"device", tables_with("vm.device", [&entry](const toml::table& table) -> Result<void> {
                 Result<DeviceRequest> device = read_declared_device(table);
                 if (!device) return device.error();
                 entry.devices.emplace_back(std::move(*device), table.source());
                 return {};
             })}};
}

// Limits are read before: they come first in the alphabet.
Result<void> declare_devices(VmTable& entry, Config& config) {
    for (auto& [device, place] : entry.devices) {
        const std::string name = device.name;
        const Result<void> added = add_declaration(config.declarations, entry.vm.name,
                                                   std::move(device), config.region_size_limit);
        if (!added) {
            return config_error("vm.device",
                                name + " of VM " + entry.vm.name + ": " + added.error().message,
                                place);
        }
    }
    return {};
}

Result<void> read_vm(const toml::table& table, Config& config) {
    VmTable entry;
    const Result<void> read = read_table(table, "vm.", vm_readers(entry));
    if (!read) return read.error();
    const VmConfig& vm = entry.vm;
    const Result<void> name = check_vm_name(vm.name);
    if (!name) return config_error("vm.name", name.error().message, table.source());
    if (vm.qmp_socket.empty()) {
        return config_error("vm.qmp", "VM " + vm.name + " has no QMP socket", table.source());
    }
    for (const VmConfig& other : config.vms) {
        if (other.name != vm.name) continue;
        return config_error("vm.name", "two VMs are named " + vm.name, table.source());
    }
    config.vms.push_back(vm);
    return declare_devices(entry, config);
}

Readers top_level(Config& config) {
    return {
        {"daemon", table_with("daemon.", {{"socket", text_into(config.socket)},
                                          {"group", group_into(config.socket_group)},
                                          {"read_socket", path_into([&config](std::string path) {
                                               config.read_socket = std::move(path);
                                           })},
                                          {"read_group", group_into(config.read_group)},
                                          {"state_dir", text_into(config.state_dir)},
                                          {"log_level", text_into(config.log_level)},
                                          {"vm_dir", paths_into(config.vm_dirs)}})},
        {"region", table_with("region.", {{"dir", text_into(config.region_dir)},
                                          {"group", group_into(config.region_group)}})},
        {"region_dir", tables_with("region_dir",
                                   [&config](const toml::table& table) {
                                       return read_region_dir(table, config);
                                   })},
        {"region_device", tables_with("region_device",
                                      [&config](const toml::table& table) {
                                          return read_region_device(table, config);
                                      })},
        {"limits",
         table_with("limits.",
                    {{"region_size",
                      [&config](const toml::node& node) { return read_region_size(node, config); }},
                     {"reserve_percent",
                      [&config](const toml::node& node) { return read_percent(node, config); }},
                     {"connections_per_user", count_into(config.connections_per_user)}})},
        {"trust",
         table_with(
             "trust.",
             {{"users", [&config](const toml::node& node) { return read_users(node, config); }}})},
        {"vm",
         tables_with("vm", [&config](const toml::table& table) { return read_vm(table, config); })},
    };
}

}  // namespace

Result<void> read_config_text(std::string_view text, Config& config) {
    try {
        const toml::table table = toml::parse(text);
        return read_table(table, "", top_level(config));
    } catch (const toml::parse_error& error) {
        return config_error("syntax", std::string(error.description()), error.source());
    }
}

}  // namespace ivshmemd
