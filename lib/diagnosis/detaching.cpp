#include "lib/diagnosis/parts.h"

namespace ivshmemd {
namespace {

// Twice what a client waits for a guest unless it says otherwise.
constexpr std::chrono::seconds long_time{60};

std::string spell_time(std::chrono::seconds time) {
    if (time < std::chrono::minutes(2)) return std::to_string(time.count()) + " s";
    if (time < std::chrono::hours(2)) return std::to_string(time.count() / 60) + " min";
    return std::to_string(time.count() / 3600) + " h";
}

// Only a guest that runs can let go.
std::string mend_of(const VmFacts& vm) {
    if (vm.run_state != "running") {
        return "let the VM run (it is " + vm.run_state + "), or end it";
    }
    return "stop what uses it in the guest, and see that the guest has a hotplug driver (Linux: "
           "pciehp or acpiphp); ivshmemd asks again by itself, and a reset of the VM takes the "
           "device out, but up to QEMU 7.1 not of a port with a hotplug of its own";
}

}  // namespace

void diagnose_detaching(const VmFacts& vm, const DeviceFacts& facts,
                        std::vector<Finding>& findings) {
    if (!facts.detaching || *facts.detaching < long_time) return;
    findings.push_back({FindingKind::detach_pending, FindingSeverity::warning, vm.name,
                        facts.device.spec.name, facts.device.spec.region,
                        "it has been detaching for " + spell_time(*facts.detaching) +
                            ": the guest has not let go of it, and its slot and memory stay taken",
                        mend_of(vm)});
}

void diagnose_hold(const HoldNote& note, std::vector<Finding>& findings) {
    if (note.phase != HoldNote::Phase::out) return;
    std::string names;
    for (const std::string& each : note.devices) names += (names.empty() ? "" : ", ") + each;
    findings.push_back({FindingKind::devices_out, FindingSeverity::warning, note.vm, std::nullopt,
                        std::nullopt,
                        names + (note.devices.size() > 1 ? " are" : " is") + " out: " + note.text,
                        "'" + note.mend + "' plugs in again, where the VM runs now; '" +
                            note.forget + "' gives up what nobody wants back"});
}

}  // namespace ivshmemd
