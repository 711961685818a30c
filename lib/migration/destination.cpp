#include "lib/migration/destination.h"

#include <algorithm>

#include "lib/size.h"

namespace ivshmemd {
namespace {

std::string place_of(const DeviceSpec& spec) {
    return "slot " + std::to_string(spec.slot) + " of " + spec.bus;
}

bool in_same_slot(const InventoryDevice& a, const InventoryDevice& b) {
    return a.device.spec.bus == b.device.spec.bus && a.device.spec.slot == b.device.spec.slot;
}

const InventoryDevice* find_counterpart(const Inventory& inventory, const InventoryDevice& device) {
    const auto found =
        std::find_if(inventory.devices.begin(), inventory.devices.end(),
                     [&](const InventoryDevice& each) { return in_same_slot(each, device); });
    return found == inventory.devices.end() ? nullptr : &*found;
}

// Empty when the counterpart takes the device over.
std::string difference_of(const InventoryDevice& ours, const InventoryDevice& theirs,
                          const Inventory& destination) {
    const DeviceSpec& spec = ours.device.spec;
    const DeviceSpec& there = theirs.device.spec;
    if (spec.model != there.model) return "is " + std::string(qom_type(there.model));
    if (blocks_migration(theirs.device)) return "is no master (start it with master=on)";
    if (spec.size != there.size) {
        return "has " + format_size(there.size) + " instead of " + format_size(spec.size);
    }
    if (ours.backend_id != theirs.backend_id) {
        return "has the backend " + theirs.backend_id + " instead of " + ours.backend_id;
    }
    if (spec.model == Model::legacy && ours.id != theirs.id) {
        return "has the id " + theirs.id + " instead of " + ours.id;
    }
    const Backend* backend = find_backend(destination, theirs.backend_id);
    if (backend && !backend->share) return "has private memory (start it with share=on)";
    return "";
}

}  // namespace

std::vector<Reason> judge_destination(const Inventory& source, const Inventory& destination,
                                      const std::string& name) {
    std::vector<Reason> reasons;
    const auto refuse = [&](const DeviceSpec& spec, const std::string& text) {
        reasons.push_back(
            {Severity::blocks, ReasonSource::ivshmemd, spec.name,
             text + "; 'ivshmemctl qemu-args' prints what it has to be started with"});
    };
    for (const InventoryDevice& ours : source.devices) {
        const DeviceSpec& spec = ours.device.spec;
        if (blocks_migration(ours.device)) continue;
        const InventoryDevice* theirs = find_counterpart(destination, ours);
        if (!theirs) {
            refuse(spec, "the destination " + name + " has no such device in " + place_of(spec));
            continue;
        }
        const std::string difference = difference_of(ours, *theirs, destination);
        if (difference.empty()) continue;
        refuse(spec, "the device of the destination " + name + " in " + place_of(spec) + " " +
                         difference);
    }
    for (const InventoryDevice& theirs : destination.devices) {
        const InventoryDevice* ours = find_counterpart(source, theirs);
        if (ours && !blocks_migration(ours->device)) continue;
        refuse(theirs.device.spec, "the destination " + name + " has a device in " +
                                       place_of(theirs.device.spec) +
                                       " that does not come along; start it without");
    }
    return reasons;
}

}  // namespace ivshmemd
