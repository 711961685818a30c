#include "daemon/libvirt/allowed.h"

#include <array>
#include <nlohmann/json.hpp>

#include "daemon/libvirt/allowed_parts.h"
#include "lib/model.h"
#include "lib/names.h"

namespace ivshmemd::libvirt {
namespace {

bool takes_nothing(const json* arguments) {
    return has_only(arguments, {});
}

// What is asked of objects. Not their other properties: among these are the secrets of a domain.
constexpr std::array<std::string_view, 32> readable_properties{
    "addr",
    "align",
    "chardev",
    "discard-data",
    "hotplug",
    "hotplug-handler",
    "ioeventfd",
    "master",
    "mem-path",
    "memdev",
    "msi",
    "multifunction",
    "offset",
    "parent_bus",
    "pci-hole-end",
    "pci-hole-start",
    "pci-hole64-end",
    "pci-hole64-start",
    "pmem",
    "power_controller_present",
    "prealloc",
    "pref64-reserve",
    "readonly",
    "role",
    "rom",
    "share",
    "shm",
    "shpc",
    "size",
    "type",
    "vectors",
    "x-use-canonical-path-for-ramblock-id"};

// What sits on a bus is a link there, "child[0]" for one.
bool is_readable(std::string_view property) {
    return is_among(readable_properties, property) || property.starts_with("child[");
}

bool names_object(const json* arguments) {
    return word(arguments, "path").starts_with('/');
}

bool lists_object(const json* arguments) {
    static constexpr std::array<std::string_view, 1> keys{"path"};
    return has_only(arguments, keys) && names_object(arguments);
}

bool reads_property(const json* arguments) {
    static constexpr std::array<std::string_view, 2> keys{"path", "property"};
    return has_only(arguments, keys) && names_object(arguments) &&
           is_readable(word(arguments, "property"));
}

bool lists_ivshmem_types(const json* arguments) {
    static constexpr std::array<std::string_view, 2> keys{"implements", "abstract"};
    return has_only(arguments, keys) && word(arguments, "implements") == "ivshmem-common";
}

bool is_ivshmem_type(std::string_view type) {
    return model_from_qom_type(type).has_value();
}

bool lists_ivshmem_properties(const json* arguments) {
    static constexpr std::array<std::string_view, 1> keys{"typename"};
    return has_only(arguments, keys) && is_ivshmem_type(word(arguments, "typename"));
}

// libvirt has it on anyway.
bool asks_for_events(const json* arguments) {
    static const json wanted = {{"capabilities", {{{"capability", "events"}, {"state", true}}}}};
    return arguments && *arguments == wanted;
}

bool shows_memory_or_migration(const json* arguments) {
    static constexpr std::array<std::string_view, 1> keys{"command-line"};
    static constexpr std::array<std::string_view, 3> lines{"info ramblock", "info migrate",
                                                           "info migrate -a"};
    return has_only(arguments, keys) && is_among(lines, word(arguments, "command-line"));
}

struct Rule {
    std::string_view command;
    bool (*fits)(const json* arguments);
};

constexpr std::array<Rule, 26> rules{{
    {"query-status", takes_nothing},
    {"query-version", takes_nothing},
    {"query-uuid", takes_nothing},
    {"query-kvm", takes_nothing},
    {"query-pci", takes_nothing},
    {"query-chardev", takes_nothing},
    {"query-memdev", takes_nothing},
    {"query-migrate", takes_nothing},
    {"query-migrate-capabilities", takes_nothing},
    {"query-migrate-parameters", takes_nothing},
    {"migrate-set-capabilities", asks_for_events},
    {"qom-list", lists_object},
    {"qom-get", reads_property},
    {"qom-list-types", lists_ivshmem_types},
    {"device-list-properties", lists_ivshmem_properties},
    {"human-monitor-command", shows_memory_or_migration},
    {"object-add", adds_our_backend},
    {"object-del", deletes_our_backend},
    {"device_add", adds_our_device},
    {"device_del", deletes_our_device},
    {"chardev-add", adds_our_chardev},
    {"chardev-remove", removes_our_chardev},
    {"getfd", names_our_descriptor},
    {"closefd", names_our_descriptor},
    {"add-fd", names_our_set},
    {"remove-fd", names_our_set},
}};

const Rule* rule_for(std::string_view command) {
    for (const Rule& rule : rules) {
        if (rule.command == command) return &rule;
    }
    return nullptr;
}

}  // namespace

std::optional<std::string> refusal(std::string_view command, const json* arguments) {
    const std::string start = "ivshmemd-libvirt passes on only what ivshmemd needs, and not ";
    const Rule* rule = rule_for(command);
    if (!rule) {
        const bool moves = command.starts_with("migrate");
        return start + printable(command, 80) +
               (moves ? ": migrations of a domain are libvirt's own" : "");
    }
    if (!rule->fits(arguments)) {
        return start + printable(command, 80) + " with these arguments: " +
               printable(arguments ? dump_json(*arguments) : "none", 200);
    }
    return std::nullopt;
}

bool takes_descriptor(std::string_view command) {
    return command == "getfd" || command == "add-fd";
}

}  // namespace ivshmemd::libvirt
