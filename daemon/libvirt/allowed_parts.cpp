#include "daemon/libvirt/allowed_parts.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "lib/model.h"
#include "lib/names.h"
#include "proto/qmp/descriptors.h"

namespace ivshmemd::libvirt {
namespace {

constexpr std::array<std::string_view, 1> only_id{"id"};

bool is_ours(const std::optional<std::string>& name) {
    return name.has_value();
}

// Of the file that is a region: shared, or the guests would get private memory.
bool is_backend(const json* properties) {
    return word(properties, "mem-path").starts_with('/') &&
           as_bool(find(properties, "share")) == true && as_uint(find(properties, "size"));
}

}  // namespace

bool is_among(Keys keys, std::string_view key) {
    return std::find(keys.begin(), keys.end(), key) != keys.end();
}

bool has_only(const json* object, Keys keys) {
    if (!object) return true;
    if (!object->is_object()) return false;
    const auto& members = object->items();
    return std::all_of(members.begin(), members.end(),
                       [&](const auto& member) { return is_among(keys, member.key()); });
}

std::string_view word(const json* object, std::string_view key) {
    const std::string* text = as_string(find(object, key));
    return text ? std::string_view(*text) : std::string_view();
}

bool adds_our_backend(const json* arguments) {
    static constexpr std::array<std::string_view, 9> flat{"qom-type", "id",         "size",
                                                          "mem-path", "share",      "readonly",
                                                          "prealloc", "host-nodes", "policy"};
    static constexpr std::array<std::string_view, 3> nested{"qom-type", "id", "props"};
    const bool known = word(arguments, "qom-type") == "memory-backend-file" &&
                       is_ours(name_of_backend_id(word(arguments, "id")));
    const json* properties = find(arguments, "props");
    if (!properties) return known && has_only(arguments, flat) && is_backend(arguments);
    static constexpr Keys inner = Keys(flat).subspan(2);
    return known && has_only(arguments, nested) && as_object(properties) &&
           has_only(properties, inner) && is_backend(properties);
}

bool adds_our_device(const json* arguments) {
    static constexpr std::array<std::string_view, 13> keys{
        "driver",  "id",        "bus", "addr", "master", "memdev", "chardev",
        "vectors", "ioeventfd", "msi", "role", "size",   "shm"};
    if (!has_only(arguments, keys)) return false;
    if (find(arguments, "shm") && word(arguments, "driver") != qom_type(Model::legacy))
        return false;
    const json* memory = find(arguments, "memdev");
    const json* chardev = find(arguments, "chardev");
    return model_from_qom_type(word(arguments, "driver")).has_value() &&
           is_ours(name_of_device_id(word(arguments, "id"))) &&
           (!memory || is_ours(name_of_backend_id(word(arguments, "memdev")))) &&
           (!chardev || is_ours(name_of_chardev_id(word(arguments, "chardev"))));
}

// As a client of a socket that was handed over, never as a server.
bool adds_our_chardev(const json* arguments) {
    static constexpr std::array<std::string_view, 2> keys{"id", "backend"};
    static constexpr std::array<std::string_view, 2> backend_keys{"type", "data"};
    static constexpr std::array<std::string_view, 2> data_keys{"addr", "server"};
    const json* backend = find(arguments, "backend");
    const json* data = find(backend, "data");
    return has_only(arguments, keys) && is_ours(name_of_chardev_id(word(arguments, "id"))) &&
           as_object(backend) && has_only(backend, backend_keys) &&
           word(backend, "type") == "socket" && as_object(data) && has_only(data, data_keys) &&
           word(find(data, "addr"), "type") == "fd" && as_bool(find(data, "server")) == false;
}

bool deletes_our_device(const json* arguments) {
    return has_only(arguments, only_id) && is_ours(name_of_device_id(word(arguments, "id")));
}

bool deletes_our_backend(const json* arguments) {
    return has_only(arguments, only_id) && is_ours(name_of_backend_id(word(arguments, "id")));
}

bool removes_our_chardev(const json* arguments) {
    return has_only(arguments, only_id) && is_ours(name_of_chardev_id(word(arguments, "id")));
}

// The path of a doorbell server, or a name of ours; libvirt's own look otherwise.
bool names_our_descriptor(const json* arguments) {
    static constexpr std::array<std::string_view, 1> keys{"fdname"};
    const std::string_view name = word(arguments, "fdname");
    return has_only(arguments, keys) && (name.starts_with('/') || name.starts_with("ivshmemd."));
}

bool names_our_set(const json* arguments) {
    static constexpr std::array<std::string_view, 2> keys{"fdset-id", "fd"};
    const std::optional<std::int64_t> set = as_int(find(arguments, "fdset-id"));
    return has_only(arguments, keys) && set && qmp::is_held_set(*set);
}

}  // namespace ivshmemd::libvirt
