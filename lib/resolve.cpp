#include "lib/resolve.h"

namespace ivshmemd {
namespace {

constexpr Version oldest_readonly{6, 0, 0};

Error not_supported(Model model, const Capabilities& capabilities) {
    std::vector<std::string> supported;
    std::string list;
    for (const Model each : capabilities.models) {
        supported.emplace_back(api_name(each));
        list += (list.empty() ? "" : ", ") + std::string(qom_type(each));
    }
    const std::string qemu = "QEMU " + to_string(capabilities.version) + " has no ";
    return Error(ErrorKind::model_not_supported,
                 list.empty() ? qemu + "ivshmem device"
                              : qemu + std::string(qom_type(model)) + "; it has " + list,
                 {{"model", std::string(api_name(model))}, {"supported", supported}});
}

Error unsupported(std::string reason) {
    return Error(ErrorKind::config_unsupported, "configuration unsupported: " + reason,
                 {{"reason", reason}});
}

Result<Model> choose(const DeviceRequest& request, const Capabilities& capabilities) {
    if (request.model) {
        if (!capabilities.models.contains(*request.model)) {
            return not_supported(*request.model, capabilities);
        }
        return *request.model;
    }
    if (capabilities.models.contains(Model::legacy)) return Model::legacy;
    const Model wanted = request.server ? Model::doorbell : Model::plain;
    if (wanted == Model::doorbell && !request.msi.value_or(true)) {
        return unsupported("ivshmem-doorbell has no interrupts without msi, and QEMU " +
                           to_string(capabilities.version) + " has no legacy ivshmem");
    }
    if (!capabilities.models.contains(wanted)) return not_supported(wanted, capabilities);
    return wanted;
}

}  // namespace

Result<void> check_options(Model model, const DeviceRequest& request) {
    const bool readonly = request.readonly.value_or(false);
    const bool for_backend = readonly || request.numa || request.prealloc.value_or(false);
    if (for_backend && request.server) {
        return unsupported(
            "with a server the memory is the server's; leave readonly, numa and "
            "prealloc out");
    }
    if (for_backend && model == Model::legacy) {
        return unsupported("legacy ivshmem knows no readonly, numa or prealloc");
    }
    if (readonly && request.prealloc.value_or(false)) {
        return unsupported(
            "QEMU does not survive touching all of memory that it must not write "
            "to; leave prealloc out: a region is reserved without it");
    }
    if (readonly && request.role == Role::master) {
        return unsupported(
            "a master's content is written to at its destination, so it cannot be "
            "readonly");
    }
    if (!request.server && (request.vectors || request.msi || request.ioeventfd)) {
        return unsupported("vectors, msi and ioeventfd need a server");
    }
    if (request.server && request.region) {
        return unsupported("with a server the memory is the server's; leave the region out");
    }
    if (request.ioeventfd.value_or(false) && !request.msi.value_or(true)) {
        return unsupported("ioeventfd needs msi");
    }
    if (model == Model::plain && request.server) {
        return unsupported("ivshmem-plain takes no server; use ivshmem-doorbell");
    }
    if (model == Model::doorbell && !request.server) {
        return unsupported("ivshmem-doorbell needs a server");
    }
    if (model == Model::doorbell && !request.msi.value_or(true)) {
        return unsupported("ivshmem-doorbell has no interrupts without msi");
    }
    return {};
}

Result<Model> resolve_model(const DeviceRequest& request, const Capabilities& capabilities) {
    if (capabilities.version < oldest_changed) {
        return unsupported("QEMU " + to_string(capabilities.version) +
                           " is older than 3.1 and aborts when a device is plugged back");
    }
    const Result<Model> model = choose(request, capabilities);
    if (!model) return model.error();
    const Result<void> options = check_options(*model, request);
    if (!options) return options.error();
    if (request.readonly.value_or(false) && capabilities.version < oldest_readonly) {
        return unsupported("QEMU " + to_string(capabilities.version) +
                           " has no readonly memory; 6.0 and later have");
    }
    if (capabilities.only_migratable && request.role.value_or(Role::peer) == Role::peer) {
        return unsupported(
            "the VM was started with -only-migratable, which takes no peer; use role master");
    }
    return *model;
}

std::optional<Model> default_model(const Capabilities& capabilities, bool with_server) {
    const Model wanted = with_server ? Model::doorbell : Model::plain;
    if (capabilities.models.contains(Model::legacy)) return Model::legacy;
    if (capabilities.models.contains(wanted)) return wanted;
    return std::nullopt;
}

}  // namespace ivshmemd
