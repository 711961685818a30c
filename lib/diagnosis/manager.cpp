#include "lib/diagnosis/parts.h"
#include "lib/migration/behind_bridge.h"
#include "lib/shell_word.h"

namespace ivshmemd {

void diagnose_manager(const VmFacts& vm, std::vector<Finding>& findings) {
    std::vector<Device> devices;
    for (const DeviceFacts& each : vm.devices) devices.push_back(each.device);
    const std::vector<std::string> names = unknown_to_manager(devices, *vm.capabilities);
    if (names.empty()) return;
    findings.push_back({FindingKind::libvirt_unaware, FindingSeverity::note, vm.name, std::nullopt,
                        std::nullopt, consequence_of_unknown(names),
                        "for such a command have them taken out: ivshmemctl without-peers "
                        "--masters " +
                            shell_word(vm.name) +
                            " -- COMMAND; or make them permanent: ivshmemctl libvirt-xml " +
                            shell_word(vm.name)});
}

}  // namespace ivshmemd
