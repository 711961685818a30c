#include "lib/device.h"

#include "lib/names.h"

namespace ivshmemd {

DeviceRequest request_again(const DeviceSpec& spec) {
    DeviceRequest request;
    request.name = spec.name;
    request.size = spec.size;
    request.model = spec.model;
    request.role = spec.role;
    request.region = spec.region;
    request.server = spec.server;
    if (spec.readonly) request.readonly = true;
    if (spec.prealloc) request.prealloc = true;
    request.numa = spec.numa;
    request.backend = spec.backend;
    if (spec.server) {
        request.vectors = spec.vectors;
        request.msi = spec.msi;
        request.ioeventfd = spec.ioeventfd;
    }
    return request;
}

DeviceSpec spec_to_repeat(const Device& device) {
    DeviceSpec spec = device.spec;
    spec.backend = unusual_backend(device).value_or("");
    return spec;
}

std::optional<std::string> unusual_backend(const Device& device) {
    const bool is_usual = device.backend.empty() || device.backend == backend_id(device.spec.name);
    return is_usual ? std::nullopt : std::optional(device.backend);
}

std::string_view origin_name(Origin origin) {
    return origin == Origin::managed ? "managed" : "foreign";
}

std::string_view state_name(DeviceState state) {
    switch (state) {
        case DeviceState::attaching:
            return "attaching";
        case DeviceState::attached:
            return "attached";
        case DeviceState::detaching:
            return "detaching";
        case DeviceState::leaked:
            return "leaked";
    }
    return "";
}

std::string_view interrupts_of(const DeviceSpec& spec) {
    if (spec.model == Model::plain) return "none";
    if (spec.model == Model::doorbell || spec.msi.value_or(true)) return "msix";
    return "intx";
}

bool blocks_migration(const Device& device) {
    switch (device.spec.role) {
        case Role::peer:
            return true;
        case Role::master:
            return false;
        case Role::automatic:
            return device.spec.model == Model::doorbell || device.has_server;
    }
    return true;
}

}  // namespace ivshmemd
