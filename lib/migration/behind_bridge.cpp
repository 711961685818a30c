#include "lib/migration/behind_bridge.h"

#include <algorithm>

namespace ivshmemd {
namespace {

bool is_unknown(const Device& device, const Capabilities& qemu) {
    const bool exists = device.state != DeviceState::leaked;
    const bool ours = device.origin == Origin::managed;
    return exists && ours && !qemu.started_with.contains(device.spec.name);
}

}  // namespace

std::vector<std::string> unknown_to_manager(const std::vector<Device>& devices,
                                            const Capabilities& qemu) {
    std::vector<std::string> names;
    if (qemu.bridge.empty()) return names;
    for (const Device& device : devices) {
        if (is_unknown(device, qemu)) names.push_back(device.spec.name);
    }
    return names;
}

std::string can_be_permanent(const std::vector<Device>& devices, const Capabilities& qemu) {
    const auto has_server = [&](const Device& device) {
        return is_unknown(device, qemu) && device.has_server;
    };
    const auto has_region = [&](const Device& device) {
        return is_unknown(device, qemu) && !device.has_server;
    };
    if (std::none_of(devices.begin(), devices.end(), has_region)) return "";
    const bool all = std::none_of(devices.begin(), devices.end(), has_server);
    return all ? "them" : "those without a doorbell server";
}

std::string consequence_of_unknown(const std::vector<std::string>& names) {
    std::string list;
    for (const std::string& name : names) list += (list.empty() ? "" : ", ") + name;
    return "libvirt does not know of " + list +
           ": what virsh save, managedsave, snapshot-create or migrate make of the VM cannot be "
           "restored, since the QEMU that is started for it has no such device";
}

std::vector<Reason> judge_manager(const std::vector<Device>& devices, const Capabilities& qemu) {
    const std::vector<std::string> names = unknown_to_manager(devices, qemu);
    if (names.empty()) return {};
    std::string text = consequence_of_unknown(names) +
                       "; have them taken out meanwhile, ivshmemctl without-peers --masters VM -- "
                       "COMMAND";
    const std::string those = can_be_permanent(devices, qemu);
    if (!those.empty()) text += ", or make " + those + " permanent, ivshmemctl libvirt-xml VM";
    return {{Severity::blocks, ReasonSource::ivshmemd, std::nullopt, std::move(text)}};
}

}  // namespace ivshmemd
