#include "lib/diagnosis/parts.h"
#include "lib/migration/behind_bridge.h"
#include "lib/shell_word.h"

namespace ivshmemd {

void diagnose_manager(const VmFacts& vm, std::vector<Finding>& findings) {
    std::vector<Device> devices;
    for (const DeviceFacts& each : vm.devices) devices.push_back(each.device);
    const std::vector<std::string> names = unknown_to_manager(devices, *vm.capabilities);
    if (names.empty()) return;
    std::string mend =
        "for such a command have them taken out: ivshmemctl without-peers --masters " +
        shell_word(vm.name) + " -- COMMAND";
    const std::string those = can_be_permanent(devices, *vm.capabilities);
    if (!those.empty()) {
        mend += "; or make " + those + " permanent: ivshmemctl libvirt-xml " + shell_word(vm.name);
    }
    findings.push_back({FindingKind::libvirt_unaware, FindingSeverity::note, vm.name, std::nullopt,
                        std::nullopt, consequence_of_unknown(names), std::move(mend)});
}

}  // namespace ivshmemd
