#include "daemon/config_file.h"

#include <toml++/toml.h>
#include <functional>
#include <map>
#include <sstream>
#include <variant>

#include "daemon/accounts.h"
#include "lib/names.h"

namespace ivshmemd {
namespace {

Error invalid(const std::string& key, const std::string& why) {
    return Error(ErrorKind::invalid_parameter, "configuration: " + key + ": " + why,
                 {{"parameter", key}});
}

// Reads one value; an empty text means it was fine, else what was expected.
using ValueReader = std::function<std::string(const toml::node&)>;
// Reads a table; its error is complete.
using TableReader = std::function<Result<void>(const toml::node&)>;
using Reader = std::variant<ValueReader, TableReader>;
using Readers = std::map<std::string, Reader, std::less<>>;

Result<void> read_table(const toml::table& table, const std::string& prefix,
                        const Readers& readers) {
    for (const auto& [key, node] : table) {
        const std::string name = prefix + std::string(key.str());
        const auto reader = readers.find(key.str());
        if (reader == readers.end()) return invalid(name, "unknown key");
        if (const auto* nested = std::get_if<TableReader>(&reader->second)) {
            const Result<void> read = (*nested)(node);
            if (!read) return read.error();
            continue;
        }
        const std::string expected = std::get<ValueReader>(reader->second)(node);
        if (!expected.empty()) return invalid(name, expected);
    }
    return {};
}

ValueReader text_into(std::string& target) {
    return [&target](const toml::node& node) -> std::string {
        const auto value = node.value_exact<std::string>();
        if (!value || value->empty()) return "expected a text";
        target = *value;
        return "";
    };
}

ValueReader path_into(std::function<void(std::string)> store) {
    return [store = std::move(store)](const toml::node& node) -> std::string {
        const auto value = node.value_exact<std::string>();
        if (!value || !value->starts_with('/')) return "expected an absolute path";
        store(*value);
        return "";
    };
}

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

Result<VmConfig> read_vm(const toml::table& table) {
    VmConfig vm;
    const Readers readers{
        {"name", text_into(vm.name)},
        {"qmp", path_into([&vm](std::string path) { vm.qmp_socket = std::move(path); })},
        {"user", [&vm](const toml::node& node) -> std::string {
             const auto name = node.value_exact<std::string>();
             vm.user = name ? user_id(*name) : std::nullopt;
             return vm.user ? "" : "expected the name of a user";
         }}};
    const Result<void> read = read_table(table, "vm.", readers);
    if (!read) return read.error();
    const Result<void> name = check_vm_name(vm.name);
    if (!name) return invalid("vm.name", name.error().message);
    if (vm.qmp_socket.empty()) return invalid("vm.qmp", "VM " + vm.name + " has no QMP socket");
    return vm;
}

Result<void> read_vms(const toml::node& node, Config& config) {
    const toml::array* vms = node.as_array();
    if (!vms) return invalid("vm", "expected [[vm]] tables");
    for (const toml::node& entry : *vms) {
        const toml::table* table = entry.as_table();
        if (!table) return invalid("vm", "expected [[vm]] tables");
        Result<VmConfig> vm = read_vm(*table);
        if (!vm) return vm.error();
        for (const VmConfig& other : config.vms) {
            if (other.name == vm->name) return invalid("vm.name", "two VMs are named " + vm->name);
        }
        config.vms.push_back(std::move(*vm));
    }
    return {};
}

TableReader table_with(std::string prefix, Readers readers) {
    return [prefix = std::move(prefix),
            readers = std::move(readers)](const toml::node& node) -> Result<void> {
        const toml::table* table = node.as_table();
        if (!table) return invalid(prefix.substr(0, prefix.size() - 1), "expected a table");
        return read_table(*table, prefix, readers);
    };
}

Readers top_level(Config& config) {
    return {
        {"daemon", table_with("daemon.", {{"socket", text_into(config.socket)},
                                          {"group", group_into(config.socket_group)},
                                          {"state_dir", text_into(config.state_dir)},
                                          {"log_level", text_into(config.log_level)},
                                          {"vm_dir", path_into([&config](std::string path) {
                                               config.vm_dir = std::move(path);
                                           })}})},
        {"region", table_with("region.", {{"dir", text_into(config.region_dir)},
                                          {"group", group_into(config.region_group)}})},
        {"limits",
         table_with("limits.",
                    {{"region_size",
                      [&config](const toml::node& node) { return read_region_size(node, config); }},
                     {"connections_per_user", count_into(config.connections_per_user)}})},
        {"trust",
         table_with(
             "trust.",
             {{"users", [&config](const toml::node& node) { return read_users(node, config); }}})},
        {"vm", [&config](const toml::node& node) { return read_vms(node, config); }},
    };
}

}  // namespace

Result<void> read_config_text(std::string_view text, Config& config) {
    try {
        const toml::table table = toml::parse(text);
        return read_table(table, "", top_level(config));
    } catch (const toml::parse_error& error) {
        std::ostringstream message;
        message << error.description() << " at line " << error.source().begin.line;
        return invalid("syntax", message.str());
    }
}

}  // namespace ivshmemd
