#include "proto/api/values.h"

#include <nlohmann/json.hpp>

#include "lib/names.h"
#include "lib/resolve.h"
#include "lib/size.h"

namespace ivshmemd::api {
namespace {

constexpr int last_slot = 31;
constexpr int last_node = 127;              // of the host, as QEMU counts them
constexpr std::int64_t last_vector = 2048;  // of MSI-X

// Absent values stay out of the object: null and missing are one on this wire.
template <class T>
void put(json& object, const char* key, const std::optional<T>& value) {
    if (value) object[key] = *value;
}

Error invalid(const char* parameter, std::string message) {
    return Error(ErrorKind::invalid_parameter, std::move(message),
                 {{"parameter", std::string(parameter)}});
}

std::optional<std::string> text(const json& parameters, const char* key) {
    const std::string* value = as_string(find(parameters, key));
    return value ? std::optional(*value) : std::nullopt;
}

Result<void> read_names(const json& parameters, DeviceRequest& request) {
    request.name = text(parameters, "name").value_or("");
    const Result<void> name = check_device_name(request.name);
    if (!name) return name.error();
    request.region = text(parameters, "region");
    if (request.region) return check_region_name(*request.region);
    return {};
}

Result<void> read_words(const json& parameters, DeviceRequest& request) {
    if (const auto word = text(parameters, "model")) {
        request.model = model_from_api_name(*word);
        if (!request.model) {
            return invalid("model", "unknown model '" + printable(*word, 80) +
                                        "'; there are ivshmem-plain, ivshmem-doorbell and ivshmem");
        }
    }
    if (const auto word = text(parameters, "role")) {
        const Result<Role> role = parse_role(*word);
        if (!role) return role.error();
        request.role = *role;
    }
    return {};
}

Result<void> read_numbers(const json& parameters, DeviceRequest& request) {
    if (const auto size = as_int(find(parameters, "size"))) {
        if (*size < 0) return Error(ErrorKind::bad_size, "a size is not negative");
        request.size = static_cast<std::uint64_t>(*size);
    }
    if (const auto slot = as_int(find(parameters, "slot"))) {
        if (*slot < 0 || *slot > last_slot) return invalid("slot", "slots are 0 to 31");
        request.slot = static_cast<int>(*slot);
    }
    if (const auto node = as_int(find(parameters, "numa"))) {
        if (*node < 0 || *node > last_node) return invalid("numa", "nodes are 0 to 127");
        request.numa = static_cast<int>(*node);
    }
    if (const auto vectors = as_int(find(parameters, "vectors"))) {
        const bool is_sound = *vectors >= 1 && *vectors <= last_vector;
        if (!is_sound) return invalid("vectors", "vectors are 1 to 2048");
        request.vectors = static_cast<std::uint32_t>(*vectors);
    }
    return {};
}

std::string_view kind_name(BusKind kind) {
    switch (kind) {
        case BusKind::root:
            return "root";
        case BusKind::port:
            return "port";
        case BusKind::bridge:
            return "bridge";
    }
    return "";
}

json spell_bus(const Bus& bus) {
    json object = {{"name", bus.name},
                   {"path", bus.path},
                   {"kind", kind_name(bus.kind)},
                   {"hotpluggable", bus.hotpluggable},
                   {"freeSlots", free_slots(bus)},
                   {"usable", usable_slots(bus)}};
    const std::string reason = unusable_reason(bus);
    if (!reason.empty()) object["reason"] = reason;
    return object;
}

json spell_user(const RegionUser& user, std::uint64_t whole) {
    json object = {{"vm", user.vm}, {"device", user.device}, {"role", role_name(user.role)}};
    const Mapping& memory = user.memory;
    if (memory.offset != 0 || memory.length != whole) {
        object["offset"] = memory.offset;
        object["size"] = memory.length;
    }
    if (sharing_of(memory) == Sharing::unverified) object["sharing"] = "unverified";
    if (!memory.writable) object["readonly"] = true;
    return object;
}

void put_memory(json& object, const Mapping& memory) {
    object["sharing"] = sharing_name(sharing_of(memory));
    object["offset"] = memory.offset;
    object["readonly"] = !memory.writable;
    if (!memory.path.empty()) object["memoryPath"] = memory.path;
}

}  // namespace

json spell_device(const Device& device) {
    const DeviceSpec& spec = device.spec;
    json object = json::object();  // member by member: a list of them would be copied twice
    object["name"] = spec.name;
    object["model"] = api_name(spec.model);
    object["role"] = role_name(spec.role);
    object["size"] = spec.size;
    object["vm"] = device.vm;
    object["interrupts"] = interrupts_of(spec);
    object["guestMapped"] = device.guest_mapped;
    object["qomPath"] = device.qom_path;
    object["origin"] = origin_name(device.origin);
    object["state"] = state_name(device.state);
    object["blocksMigration"] = device.state != DeviceState::leaked && blocks_migration(device);
    object["stale"] = device.stale;
    put(object, "region", spec.region);
    put(object, "server", spec.server);
    if (device.has_server) {  // without one these are defaults that mean nothing
        put(object, "vectors", spec.vectors);
        put(object, "msi", spec.msi);
        put(object, "ioeventfd", spec.ioeventfd);
        put(object, "memorySealed", device.memory_sealed);
        put(object, "relayLost", device.relay_lost);
        put(object, "peersWaiting", device.peers_waiting);
    }
    if (device.memory) put_memory(object, *device.memory);
    if (spec.prealloc) object["prealloc"] = true;
    put(object, "numa", spec.numa);
    put(object, "backend", unusual_backend(device));
    put(object, "guestAddress", device.guest_address);
    if (!spec.bus.empty()) {  // what is left of a leaked device has no place
        object["bus"] = spec.bus;
        object["slot"] = spec.slot;
    }
    return object;
}

json spell_capabilities(const Capabilities& capabilities, const std::vector<Bus>& buses) {
    json models = json::array();
    for (const Model model : capabilities.models) models.push_back(api_name(model));
    json bus_list = json::array();
    for (const Bus& bus : buses) bus_list.push_back(spell_bus(bus));
    json object = {{"models", std::move(models)},
                   {"qemuVersion", to_string(capabilities.version)},
                   {"machineType", capabilities.machine_type},
                   {"buses", std::move(bus_list)},
                   {"probeMethod", probe_method_name(capabilities.probe_method)}};
    if (const auto model = default_model(capabilities, false)) {
        object["defaultModel"] = api_name(*model);
    }
    if (const auto model = default_model(capabilities, true)) {
        object["defaultModelWithServer"] = api_name(*model);
    }
    return object;
}

json spell_region(const Region& region, const std::string& owner) {
    json users = json::array();
    for (const RegionUser& user : region.users) {
        users.push_back(spell_user(user, region.facts.size));
    }
    return {{"name", region.name},
            {"path", region.path},
            {"size", region.facts.size},
            {"owner", owner},
            {"mode", mode_digits(region.facts.mode)},
            {"users", std::move(users)},
            {"createdByUs", region.created_by_us}};
}

Result<DeviceRequest> read_device_request(const json& parameters) {
    DeviceRequest request;
    for (const auto read : {read_names, read_words, read_numbers}) {
        const Result<void> done = read(parameters, request);
        if (!done) return done.error();
    }
    request.server = text(parameters, "server");
    if (request.server && !request.server->starts_with('/')) {
        return invalid("server", "a server is named by the absolute path of its socket");
    }
    request.bus = text(parameters, "bus");
    request.readonly = as_bool(find(parameters, "readonly"));
    request.prealloc = as_bool(find(parameters, "prealloc"));
    request.msi = as_bool(find(parameters, "msi"));
    request.ioeventfd = as_bool(find(parameters, "ioeventfd"));
    return request;
}

Result<std::int64_t> read_timeout_ms(const json& parameters, std::int64_t fallback) {
    const std::int64_t timeout = as_int(find(parameters, "timeoutMs")).value_or(fallback);
    constexpr std::int64_t longest = std::int64_t{1000} * 60 * 60 * 24 * 365;
    if (timeout < 0 || timeout > longest) {
        return invalid("timeoutMs", "a timeout is 0 ms to a year");
    }
    return timeout;
}

}  // namespace ivshmemd::api
