#include "lib/migration/behind_bridge.h"

namespace ivshmemd {

std::vector<std::string> unknown_to_manager(const std::vector<Device>& devices,
                                            const Capabilities& qemu) {
    std::vector<std::string> names;
    if (qemu.bridge.empty()) return names;
    for (const Device& device : devices) {
        const bool exists = device.state != DeviceState::leaked;
        const bool ours = device.origin == Origin::managed;
        if (exists && ours && !qemu.started_with.contains(device.spec.name)) {
            names.push_back(device.spec.name);
        }
    }
    return names;
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
    return {{Severity::blocks, ReasonSource::ivshmemd, std::nullopt,
             consequence_of_unknown(names) +
                 "; have them taken out meanwhile, ivshmemctl without-peers --masters VM -- "
                 "COMMAND, or make them permanent, ivshmemctl libvirt-xml VM"}};
}

}  // namespace ivshmemd
