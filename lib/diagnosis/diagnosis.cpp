#include "lib/diagnosis/diagnosis.h"

#include <algorithm>

#include "lib/diagnosis/parts.h"

namespace ivshmemd {
namespace {

bool concerns(const Region& region, const std::optional<std::string>& only) {
    return !only || std::any_of(region.users.begin(), region.users.end(),
                                [&](const RegionUser& user) { return user.vm == *only; });
}

Finding no_vms() {
    return {FindingKind::no_vms,
            FindingSeverity::note,
            std::nullopt,
            std::nullopt,
            std::nullopt,
            "ivshmemd looks after no VM",
            "name one with --vm NAME=QMP_SOCKET or [[vm]] in the configuration, or put NAME.qmp "
            "into its vm_dir"};
}

}  // namespace

std::string_view finding_kind_name(FindingKind kind) {
    switch (kind) {
        case FindingKind::vm_unreachable:
            return "vmUnreachable";
        case FindingKind::vm_unresponsive:
            return "vmUnresponsive";
        case FindingKind::monitor_held:
            return "monitorHeld";
        case FindingKind::no_model:
            return "noModel";
        case FindingKind::legacy_only:
            return "legacyOnly";
        case FindingKind::qemu_too_old:
            return "qemuTooOld";
        case FindingKind::no_free_slot:
            return "noFreeSlot";
        case FindingKind::few_free_slots:
            return "fewFreeSlots";
        case FindingKind::few_descriptors:
            return "fewDescriptors";
        case FindingKind::small_window:
            return "smallWindow";
        case FindingKind::no_vms:
            return "noVms";
        case FindingKind::detach_pending:
            return "detachPending";
        case FindingKind::never_mapped:
            return "neverMapped";
        case FindingKind::backend_leaked:
            return "backendLeaked";
        case FindingKind::relay_lost:
            return "relayLost";
        case FindingKind::declared_failed:
            return "declaredFailed";
        case FindingKind::region_owner:
            return "regionOwner";
        case FindingKind::region_mode:
            return "regionMode";
        case FindingKind::region_size:
            return "regionSize";
        case FindingKind::region_sparse:
            return "regionSparse";
        case FindingKind::private_memory:
            return "privateMemory";
        case FindingKind::discarded_memory:
            return "discardedMemory";
        case FindingKind::region_missing:
            return "regionMissing";
        case FindingKind::region_split:
            return "regionSplit";
        case FindingKind::mapping_unknown:
            return "mappingUnknown";
        case FindingKind::region_unused:
            return "regionUnused";
        case FindingKind::devices_out:
            return "devicesOut";
        case FindingKind::two_masters:
            return "twoMasters";
        case FindingKind::migration_settings:
            return "migrationSettings";
        case FindingKind::libvirt_unaware:
            return "libvirtUnaware";
        case FindingKind::place_unusable:
            return "placeUnusable";
    }
    return "";
}

std::string_view finding_severity_name(FindingSeverity severity) {
    switch (severity) {
        case FindingSeverity::problem:
            return "problem";
        case FindingSeverity::warning:
            return "warning";
        case FindingSeverity::note:
            return "note";
    }
    return "";
}

std::vector<Finding> diagnose(const HostFacts& facts, const std::optional<std::string>& only) {
    std::vector<Finding> findings;
    if (facts.vms.empty() && !only) findings.push_back(no_vms());
    for (const VmFacts& vm : facts.vms) {
        if (only && vm.name != *only) continue;
        diagnose_vm(vm, facts.daemon_user, findings);
        diagnose_devices(vm, findings);
    }
    for (const HoldNote& note : facts.holds) {
        if (!only || note.vm == *only) diagnose_hold(note, findings);
    }
    for (const Region& region : facts.regions) {
        if (concerns(region, only)) diagnose_region(region, facts, findings);
    }
    for (const Place& place : facts.places) {
        if (!only) diagnose_place(place, facts.daemon_user, findings);
    }
    std::stable_sort(findings.begin(), findings.end(),
                     [](const Finding& a, const Finding& b) { return a.severity < b.severity; });
    return findings;
}

}  // namespace ivshmemd
