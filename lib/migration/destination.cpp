#include "lib/migration/destination.h"

#include <algorithm>

#include "lib/migration/receiver.h"
#include "lib/size.h"

namespace ivshmemd {
namespace {

std::string place_of(const InventoryDevice& entry) {
    const DeviceSpec& spec = entry.device.spec;
    const std::string slot = "slot " + std::to_string(spec.slot) + " of " + spec.bus;
    if (entry.function == 0) return slot;
    return "function " + std::to_string(entry.function) + " of " + slot;
}

bool in_same_place(const InventoryDevice& a, const InventoryDevice& b) {
    return a.device.spec.bus == b.device.spec.bus && a.device.spec.slot == b.device.spec.slot &&
           a.function == b.function;
}

const InventoryDevice* find_counterpart(const Inventory& inventory, const InventoryDevice& device) {
    const auto found =
        std::find_if(inventory.devices.begin(), inventory.devices.end(),
                     [&](const InventoryDevice& each) { return in_same_place(each, device); });
    return found == inventory.devices.end() ? nullptr : &*found;
}

std::string start_it_with(const std::string& what) {
    return " (start it with " + what + ")";
}

// What QEMU maps of its file, and how.
std::string difference_of(const Backend& ours, const Backend& theirs) {
    if (ours.offset != theirs.offset) {
        return "has its memory at offset " + std::to_string(theirs.offset) + " instead of " +
               std::to_string(ours.offset) + start_it_with("offset=" + std::to_string(ours.offset));
    }
    if (ours.share && !theirs.share) return "has private memory" + start_it_with("share=on");
    if (!ours.share && theirs.share) return "has shared memory" + start_it_with("share=off");
    if (!takes_content(theirs)) {
        return "has read-only memory, and QEMU ends when content arrives for that" +
               start_it_with("readonly=off");
    }
    return "";
}

std::string difference_of(const DeviceSpec& ours, const DeviceSpec& theirs) {
    if (ours.model != theirs.model) {
        return "is " + std::string(qom_type(theirs.model)) +
               start_it_with(std::string(qom_type(ours.model)));
    }
    if (ours.size != theirs.size) {
        return "has " + format_size(theirs.size) + " instead of " + format_size(ours.size) +
               start_it_with("size=" + std::to_string(ours.size));
    }
    return "";
}

// Empty when the counterpart takes the device over.
std::string difference_of(const InventoryDevice& ours, const InventoryDevice& theirs,
                          const Inventory& source, const Inventory& destination) {
    std::string difference = difference_of(ours.device.spec, theirs.device.spec);
    if (!difference.empty()) return difference;
    if (blocks_migration(theirs.device)) return "is no master" + start_it_with("master=on");
    if (ours.backend_id != theirs.backend_id) {
        return "has the backend " + theirs.backend_id + " instead of " + ours.backend_id +
               start_it_with("id=" + ours.backend_id);
    }
    if (ours.device.spec.model == Model::legacy && ours.id != theirs.id) {
        return "has the id " + theirs.id + " instead of " + ours.id +
               start_it_with("id=" + ours.id);
    }
    const Backend* here = find_backend(source, ours.backend_id);
    const Backend* there = find_backend(destination, theirs.backend_id);
    return here && there ? difference_of(*here, *there) : "";
}

}  // namespace

std::vector<Reason> judge_destination(const Inventory& source, const Inventory& destination,
                                      const std::string& name) {
    std::vector<Reason> reasons;
    const auto refuse = [&](const InventoryDevice& entry, const std::string& text) {
        reasons.push_back(
            {Severity::blocks, ReasonSource::ivshmemd, entry.device.spec.name,
             text + (has_doorbell(entry)
                         ? "; 'ivshmemctl qemu-args' prints how it is attached there"
                         : "; 'ivshmemctl qemu-args' prints what it has to be started with")});
    };
    for (const InventoryDevice& ours : source.devices) {
        if (blocks_migration(ours.device)) continue;
        const InventoryDevice* theirs = find_counterpart(destination, ours);
        if (!theirs) {
            refuse(ours, "the destination " + name + " has no such device in " + place_of(ours));
            continue;
        }
        const std::string difference = difference_of(ours, *theirs, source, destination);
        if (difference.empty()) continue;
        refuse(ours, "the device of the destination " + name + " in " + place_of(ours) + " " +
                         difference);
    }
    for (const InventoryDevice& theirs : destination.devices) {
        const InventoryDevice* ours = find_counterpart(source, theirs);
        if (ours && !blocks_migration(ours->device)) continue;
        refuse(theirs, "the destination " + name + " has a device in " + place_of(theirs) +
                           " that does not come along; start it without");
    }
    return reasons;
}

}  // namespace ivshmemd
