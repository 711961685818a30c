#include "proto/api/migration_values.h"

#include <nlohmann/json.hpp>
#include <set>

#include "lib/names.h"
#include "lib/size.h"
#include "proto/api/values.h"

namespace ivshmemd::api {
namespace {

constexpr std::array known_members{"name",   "model",    "role", "size",      "region",
                                   "server", "vectors",  "msi",  "ioeventfd", "bus",
                                   "slot",   "readonly", "numa", "prealloc",  "backend"};

Error bad_spec(const char* parameter, std::string message) {
    return Error(ErrorKind::invalid_parameter, std::move(message),
                 {{"parameter", std::string(parameter)}});
}

template <class T>
void put_if_there(json& object, const char* key, const std::optional<T>& value) {
    if (value) object[key] = *value;
}

// What the request reader takes as absent or of any type must be right here.
Result<void> check_members(const json& object) {
    for (const auto& [key, value] : object.items()) {
        const auto known = std::find(known_members.begin(), known_members.end(), key);
        if (known == known_members.end()) return bad_spec("devices", "unknown member " + key);
        if (value.is_null()) continue;
        const bool number = key == "size" || key == "slot" || key == "vectors" || key == "numa";
        const bool flag =
            key == "msi" || key == "ioeventfd" || key == "readonly" || key == "prealloc";
        const bool good =
            number ? as_int(&value).has_value() : (flag ? value.is_boolean() : value.is_string());
        if (!good) return bad_spec("devices", "member " + key + " is of a wrong type");
        if (value.is_string() && value.get_ref<const std::string&>().empty()) {
            return bad_spec("devices", "member " + key + " is empty");
        }
    }
    return {};
}

}  // namespace

json spell_reasons(const std::vector<Reason>& reasons) {
    json array = json::array();
    for (const Reason& reason : reasons) {
        json object = {{"severity", severity_name(reason.severity)},
                       {"source", source_name(reason.source)},
                       {"text", reason.text}};
        put_if_there(object, "device", reason.device);
        array.push_back(std::move(object));
    }
    return array;
}

json spell_hold(const HoldNote& note) {
    json object = {{"vm", note.vm},
                   {"phase", hold_phase_name(note.phase)},
                   {"devices", note.devices},
                   {"text", note.text}};
    if (!note.mend.empty()) object["mend"] = note.mend;
    if (!note.forget.empty()) object["forget"] = note.forget;
    return object;
}

json spell_spec(const DeviceSpec& spec) {
    json object = {{"name", spec.name},
                   {"model", api_name(spec.model)},
                   {"role", role_name(spec.role)},
                   {"size", spec.size},
                   {"bus", spec.bus},
                   {"slot", spec.slot}};
    put_if_there(object, "region", spec.region);
    put_if_there(object, "server", spec.server);
    if (spec.readonly) object["readonly"] = true;
    if (spec.prealloc) object["prealloc"] = true;
    put_if_there(object, "numa", spec.numa);
    if (!spec.backend.empty()) object["backend"] = spec.backend;
    if (spec.server) {
        put_if_there(object, "vectors", spec.vectors);
        put_if_there(object, "msi", spec.msi);
        put_if_there(object, "ioeventfd", spec.ioeventfd);
    }
    return object;
}

Result<DeviceSpec> read_spec(const json& object) {
    if (!as_object(&object)) return bad_spec("devices", "a device is no object");
    const Result<void> members = check_members(object);
    if (!members) return members.error();
    const Result<DeviceRequest> request = read_device_request(object);
    if (!request) return request.error();
    if (!request->model || !request->role || !request->size || !request->bus || !request->slot) {
        return bad_spec(
            "devices", "device " + request->name + " lacks one of model, role, size, bus and slot");
    }
    if (!request->region == !request->server) {
        return bad_spec("devices",
                        "device " + request->name + " needs either a region or a server");
    }
    const std::string* backend = as_string(find(object, "backend"));
    if (backend && !check_backend_id(*backend)) {
        return bad_spec("devices", check_backend_id(*backend).error().message);
    }
    return DeviceSpec{request->name,          *request->model,
                      *request->role,         *request->size,
                      request->region,        request->server,
                      request->vectors,       request->msi,
                      request->ioeventfd,     *request->bus,
                      *request->slot,         request->readonly.value_or(false),
                      request->numa,          request->prealloc.value_or(false),
                      backend ? *backend : ""};
}

Result<std::vector<DeviceSpec>> read_specs(const json& array) {
    if (!as_array(&array)) return bad_spec("devices", "no list of devices");
    std::vector<DeviceSpec> specs;
    std::set<std::string> names;
    for (const json& object : array) {
        Result<DeviceSpec> spec = read_spec(object);
        if (!spec) return spec.error();
        if (!names.insert(spec->name).second) {
            return bad_spec("devices", "two devices are named " + spec->name);
        }
        specs.push_back(std::move(*spec));
    }
    return specs;
}

}  // namespace ivshmemd::api
