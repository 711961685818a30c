#include "daemon/ctl/listed_inventory.h"

#include <nlohmann/json.hpp>

#include "daemon/ctl/field.h"
#include "proto/json.h"

namespace ivshmemd::ctl {
namespace {

Role role_of(const json& device) {
    const std::string word = text_field(&device, "role");
    if (word == "master") return Role::master;
    return word == "peer" ? Role::peer : Role::automatic;
}

std::uint64_t number_of(const json& device, const char* key) {
    return static_cast<std::uint64_t>(as_int(find(device, key)).value_or(0));
}

Backend listed_backend(const json& device, const std::string& id) {
    Backend backend;
    backend.id = id;
    backend.size = number_of(device, "size");
    backend.share = text_field(&device, "sharing") != "private";
    backend.offset = number_of(device, "offset");
    backend.read_only = flag_field(&device, "readonly");
    return backend;
}

std::optional<std::string> given_text(const json& device, const char* key) {
    const std::string* text = as_string(find(device, key));
    return text ? std::optional(*text) : std::nullopt;
}

}  // namespace

DeviceSpec listed_spec(const json& device) {
    DeviceSpec spec;
    spec.name = text_field(&device, "name");
    spec.model = model_from_api_name(text_field(&device, "model")).value_or(Model::plain);
    spec.role = role_of(device);
    spec.size = number_of(device, "size");
    spec.region = given_text(device, "region");
    spec.server = given_text(device, "server");
    if (find(device, "vectors")) spec.vectors = number_of(device, "vectors");
    spec.msi = as_bool(find(device, "msi"));
    spec.ioeventfd = as_bool(find(device, "ioeventfd"));
    spec.bus = text_field(&device, "bus");
    spec.slot = static_cast<int>(number_of(device, "slot"));
    spec.readonly = flag_field(&device, "readonly");
    if (find(device, "numa")) spec.numa = static_cast<int>(number_of(device, "numa"));
    spec.prealloc = flag_field(&device, "prealloc");
    return spec;
}

Inventory inventory_of(const json& devices) {
    Inventory inventory;
    for (const json& each : list_field(devices, "devices")) {
        if (text_field(&each, "state") == "leaked") continue;
        InventoryDevice entry;
        entry.device.spec = listed_spec(each);
        const DeviceSpec& spec = entry.device.spec;
        const bool managed = text_field(&each, "origin") == "managed";
        entry.id = managed ? "ivshmemd." + spec.name : spec.name;
        if (spec.model == Model::plain) {
            const std::string unusual = text_field(&each, "backend");
            entry.backend_id = unusual.empty() ? "ivshmemd." + spec.name + ".mem" : unusual;
            inventory.backends.push_back(listed_backend(each, entry.backend_id));
        }
        for (const InventoryDevice& before : inventory.devices) {
            const DeviceSpec& other = before.device.spec;
            if (other.bus == spec.bus && other.slot == spec.slot) ++entry.function;
        }
        inventory.devices.push_back(std::move(entry));
    }
    return inventory;
}

}  // namespace ivshmemd::ctl
