#include "lib/diagnosis/parts.h"
#include "lib/next_start.h"
#include "lib/shell_word.h"
#include "lib/size.h"

namespace ivshmemd {
namespace {

using Kind = FindingKind;
using enum FindingSeverity;

std::string server_options(const DeviceSpec& spec) {
    std::string options = " --server " + (spec.server ? shell_word(*spec.server) : "SOCKET");
    if (spec.vectors) options += " --vectors " + std::to_string(*spec.vectors);
    const bool msi = spec.msi.value_or(true);
    if (!msi) options += " --msi off";
    if (msi && !spec.ioeventfd.value_or(true)) options += " --ioeventfd off";
    return options;
}

// A region that is there gives its size.
std::string attach_command(const VmFacts& vm, const DeviceSpec& spec, bool region_exists) {
    std::string command = "ivshmemctl attach " + vm.name + " " + spec.name + " --model " +
                          std::string(qom_type(spec.model)) + " --role " +
                          std::string(role_name(spec.role));
    if (!spec.region) return command + server_options(spec);
    command += " --region " + *spec.region;
    return region_exists ? command : command + " --size " + format_size(spec.size);
}

std::string plug_in_again(const VmFacts& vm, const Device& device, bool region_exists) {
    if (!device.fixed.empty()) return device.fixed;
    if (device.origin == Origin::managed) {
        return "ivshmemctl detach " + vm.name + " " + device.spec.name + " && " +
               attach_command(vm, device.spec, region_exists);
    }
    return "take it out and plug it in again with whatever manages it (ivshmemctl detach " +
           vm.name + " --qom-path " + shell_word(device.qom_path) + " takes it out)";
}

Finding finding_of(const VmFacts& vm, const Device& device, Kind kind, FindingSeverity severity) {
    return {kind, severity, vm.name, device.spec.name, device.spec.region, "", ""};
}

Finding leaked(const VmFacts& vm, const Device& device) {
    Finding finding = finding_of(vm, device, Kind::backend_leaked, warning);
    finding.text = "QEMU will not give up its memory backend " + device.qom_path + ", so that " +
                   format_size(device.spec.size) +
                   " stay mapped; a device of this name can be attached all the same";
    finding.mend =
        "restart the VM when that suits; systemctl restart ivshmemd has it tried once more before";
    return finding;
}

Finding relay_lost(const VmFacts& vm, const Device& device) {
    Finding finding = finding_of(vm, device, Kind::relay_lost, problem);
    finding.text = "it is cut off from its doorbell server" +
                   (device.spec.server ? " " + *device.spec.server : std::string()) +
                   ", which has ended or was parted from it by a restart of ivshmemd: peers that "
                   "come now do not reach it";
    finding.mend = "with the server running: " + plug_in_again(vm, device, false);
    return finding;
}

Finding peers_waiting(const VmFacts& vm, const Device& device) {
    Finding finding = finding_of(vm, device, Kind::few_descriptors, problem);
    finding.text = "its QEMU has no file descriptors free for " +
                   std::to_string(*device.peers_waiting) + " peers of its doorbell server";
    finding.mend = "let QEMU have more: prlimit --nofile now, LimitNOFILE= or ulimit -n for later";
    return finding;
}

// Its bus, where that has too little room.
const Bus* narrow_bus(const VmFacts& vm, const DeviceSpec& spec) {
    for (const Bus& bus : vm.buses) {
        if (bus.name == spec.bus && bus.room && *bus.room < spec.size) return &bus;
    }
    return nullptr;
}

std::string ways_to_room(const VmFacts& vm, const Bus& bus, std::uint64_t size) {
    if (bus.kind == BusKind::root) return arguments_for_room(bus, size);
    std::string text;
    for (const std::string& each : arguments_for_more_slots(vm.buses, size)) {
        text += (text.empty() ? "" : ", or with ") + each;
    }
    const std::string caution = caution_about_room(size);
    return caution.empty() ? text : text + " (" + caution + ")";
}

Finding never_mapped(const VmFacts& vm, const Device& device) {
    Finding finding = finding_of(vm, device, Kind::never_mapped, warning);
    finding.text = "the guest runs and has not mapped it";
    const Bus* bus = narrow_bus(vm, device.spec);
    const std::string ways = bus ? ways_to_room(vm, *bus, device.spec.size) : "";
    if (!ways.empty()) {
        finding.text += ": " + format_size(device.spec.size) + " do not fit on " + device.spec.bus +
                        ", which has room for " + format_size(*bus->room);
        finding.mend = "start the VM with " + ways + ", or use a smaller region";
        return finding;
    }
    finding.text +=
        ": it has no hotplug driver or no room for it, or has still to let go of another device";
    finding.mend =
        "in a Linux guest: echo 1 > /sys/bus/pci/rescan, then lspci -v -d 1af4:1110; look again in "
        "some seconds if it was attached just now";
    return finding;
}

Finding missing(const VmFacts& vm, const DeviceFacts& facts) {
    Finding finding = finding_of(vm, facts.device, Kind::region_missing, problem);
    finding.text = "its region's file " + facts.memory_path +
                   " is gone: nobody can join it, and whoever attaches the region anew gets other "
                   "memory";
    finding.mend = "save what is in it from inside a guest, then for each of its devices: " +
                   plug_in_again(vm, facts.device, false);
    return finding;
}

Finding split(const VmFacts& vm, const DeviceFacts& facts) {
    Finding finding = finding_of(vm, facts.device, Kind::region_split, problem);
    const std::string& path = facts.memory_path;
    if (facts.match == PathMatch::replaced) {
        finding.text = "its QEMU maps a file that was at " + path +
                       " before and has been replaced: it shares no memory with those who map the "
                       "file that is there now, and what it holds goes with its last device";
        finding.mend = plug_in_again(vm, facts.device, true);
        return finding;
    }
    finding.text = "its QEMU does not map the file at " + path +
                   ": it sees other mounts than this host, or its file was renamed, so that it "
                   "shares memory with nobody";
    finding.mend = "let the QEMU see " + path.substr(0, path.rfind('/')) +
                   " of the host (no PrivateTmp=, no container mount over it); if it does: " +
                   plug_in_again(vm, facts.device, true);
    return finding;
}

// Other managers' alone: this daemon's are always shared.
Finding private_memory(const VmFacts& vm, const DeviceFacts& facts) {
    Finding finding = finding_of(vm, facts.device, Kind::private_memory, warning);
    finding.text = "its memory is private: it shares nothing with those who map " +
                   (facts.memory_path.empty() ? "the same" : facts.memory_path);
    finding.mend = "start the VM with share=on for its memory backend";
    return finding;
}

Finding discarded_memory(const VmFacts& vm, const DeviceFacts& facts) {
    Finding finding = finding_of(vm, facts.device, Kind::discarded_memory, problem);
    finding.text = "its backend has discard-data=on: when this QEMU ends, " + facts.memory_path +
                   " is emptied for everybody who maps it";
    finding.mend = "save what is in it before the VM ends, and start the VM with discard-data=off";
    return finding;
}

void judge_memory(const VmFacts& vm, const DeviceFacts& facts, std::vector<Finding>& findings) {
    const std::optional<Mapping>& memory = facts.device.memory;
    if (memory && !memory->shared) findings.push_back(private_memory(vm, facts));
    if (facts.discarded && memory && memory->shared) {
        findings.push_back(discarded_memory(vm, facts));
    }
    if (facts.memory_missing) {
        findings.push_back(missing(vm, facts));
    } else if (facts.match == PathMatch::replaced || facts.match == PathMatch::elsewhere) {
        findings.push_back(split(vm, facts));
    }
}

// The declaration and what keeps it from being met are in the text already.
Finding declared_failed(const VmFacts& vm, const std::string& device, const std::string& why) {
    return {Kind::declared_failed,
            problem,
            vm.name,
            device,
            std::nullopt,
            "it is not as the configuration declares it: " + why,
            "do what that says or change the declaration, then systemctl reload ivshmemd"};
}

void judge_declared(const VmFacts& vm, std::vector<Finding>& findings) {
    const bool there = vm.state == VmState::connected || vm.state == VmState::unresponsive;
    if (!there) return;  // it is looked at anew once it is
    for (const auto& [device, why] : vm.declared_failures) {
        findings.push_back(declared_failed(vm, device, why));
    }
}

// Others may set it the other way before a migration starts.
void judge_migration_settings(const VmFacts& vm, std::vector<Finding>& findings) {
    if (!vm.migration) return;
    std::vector<Device> devices;
    for (const DeviceFacts& facts : vm.devices) {
        if (!facts.device.stale) devices.push_back(facts.device);
    }
    for (SettingFault& fault : find_setting_faults(devices, *vm.migration)) {
        findings.push_back({Kind::migration_settings, warning, vm.name, std::move(fault.device),
                            std::nullopt, std::move(fault.text), std::move(fault.mend)});
    }
}

}  // namespace

void diagnose_devices(const VmFacts& vm, std::vector<Finding>& findings) {
    for (const DeviceFacts& facts : vm.devices) {
        const Device& device = facts.device;
        if (device.stale) continue;  // there may be another QEMU by now
        if (device.state == DeviceState::leaked) findings.push_back(leaked(vm, device));
        if (device.state == DeviceState::detaching) diagnose_detaching(vm, facts, findings);
        if (device.state != DeviceState::attached) continue;
        if (device.relay_lost.value_or(false)) findings.push_back(relay_lost(vm, device));
        if (device.peers_waiting) findings.push_back(peers_waiting(vm, device));
        const bool may_map = vm.state == VmState::connected && vm.run_state == "running";
        if (may_map && !device.guest_mapped) findings.push_back(never_mapped(vm, device));
        judge_memory(vm, facts, findings);
    }
    judge_migration_settings(vm, findings);
    judge_declared(vm, findings);
}

}  // namespace ivshmemd
