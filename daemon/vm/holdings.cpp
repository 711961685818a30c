#include "daemon/vm/holdings.h"

#include <algorithm>
#include <utility>

#include "lib/names.h"

namespace ivshmemd {

bool Holdings::apply(Inventory reading, std::uint64_t begun, Time now) {
    if (begun != generation_) return false;
    const Inventory before = std::exchange(inventory_, std::move(reading));
    ++generation_;
    doubtful_ = false;
    rest_vacated(before, now);
    look_for_newcomers(before);
    missing_.clear();
    for (const InventoryDevice& old : before.devices) {
        if (find_by_path(inventory_, old.device.qom_path)) continue;
        missing_.push_back(old.device.qom_path);
        inventory_.devices.push_back(old);
    }
    std::map<std::string, Time> seen;
    for (const InventoryDevice& each : inventory_.devices) {
        seen[each.device.qom_path] = seen_since(each.device.qom_path, now);
    }
    seen_ = std::move(seen);
    return true;
}

Holdings::Time Holdings::seen_since(const std::string& qom_path, Time now) const {
    const auto found = seen_.find(qom_path);
    return found == seen_.end() ? now : found->second;
}

// Whatever device left a slot, others' included: the guest may still be busy with it.
void Holdings::rest_vacated(const Inventory& before, Time now) {
    for (const Bus& old : before.buses) {
        const Bus* bus = find_bus(inventory_, old.name);
        for (const int slot : old.occupied) {
            if (bus && !bus->occupied.contains(slot)) rest({old.name, slot}, now);
        }
    }
}

void Holdings::add_device(const DeviceSpec& spec, const Parts& parts, Time now) {
    InventoryDevice entry;
    entry.id = device_id(spec.name);
    entry.backend_id = parts.backend_id;
    entry.chardev_id = parts.chardev_id;
    entry.memory_path = parts.memory_path;
    entry.mapping = parts.memory;
    entry.device.spec = spec;
    entry.device.spec.backend.clear();  // as in a reading
    entry.device.qom_path = "/machine/peripheral/" + entry.id;
    entry.device.origin = Origin::managed;
    entry.device.has_server = spec.server.has_value();
    inventory_.devices.push_back(std::move(entry));
    if (!parts.backend_id.empty()) {
        inventory_.backends.push_back({.id = parts.backend_id,
                                       .path = parts.memory_path,
                                       .size = spec.size,
                                       .share = true,
                                       .mapping = parts.memory});
    }
    if (!parts.chardev_id.empty()) inventory_.chardevs.push_back(parts.chardev_id);
    const std::string& path = inventory_.devices.back().device.qom_path;
    for (Bus& bus : inventory_.buses) {
        if (bus.name != spec.bus) continue;
        bus.occupied.insert(spec.slot);
        inventory_.devices.back().device.fixed = staying_reason(bus);
    }
    seen_[path] = now;
    last_places_[spec.name] = {spec.bus, spec.slot};
    births_[path] = ++generation_;
}

std::uint64_t Holdings::birth_of(const std::string& qom_path) const {
    const auto found = births_.find(qom_path);
    return found == births_.end() ? 0 : found->second;
}

void Holdings::forget_device(const std::string& qom_path, Time now, Slot slot) {
    ++generation_;
    births_.erase(qom_path);
    seen_.erase(qom_path);
    const InventoryDevice* entry = find_by_path(inventory_, qom_path);
    if (!entry) return;
    const DeviceSpec spec = entry->device.spec;
    rest({spec.bus, spec.slot}, now, slot);
    for (Bus& bus : inventory_.buses) {
        if (bus.name == spec.bus) bus.occupied.erase(spec.slot);
    }
    std::erase(missing_, qom_path);
    std::erase_if(inventory_.devices,
                  [&](const InventoryDevice& each) { return each.device.qom_path == qom_path; });
}

void Holdings::forget_backend(const std::string& id) {
    std::erase_if(inventory_.backends, [&](const Backend& each) { return each.id == id; });
    ++generation_;
}

void Holdings::forget_chardev(const std::string& id) {
    std::erase(inventory_.chardevs, id);
    ++generation_;
}

void Holdings::start_afresh() {
    inventory_ = {};
    missing_.clear();
    vacated_.clear();
    births_.clear();
    seen_.clear();
    ++generation_;
}

// A guest that others have told of something may have been told of a vacated slot once more.
void Holdings::look_for_newcomers(const Inventory& before) {
    newcomers_ = false;
    for (const Bus& bus : inventory_.buses) {
        const Bus* old = find_bus(before, bus.name);
        newcomers_ = newcomers_ || !old ||
                     !std::includes(old->occupied.begin(), old->occupied.end(),
                                    bus.occupied.begin(), bus.occupied.end());
    }
    if (!newcomers_) return;
    for (Vacated& each : vacated_) each.slot = Slot::rests;
}

void Holdings::rest(Placement place, Time now, Slot slot) {
    std::erase_if(vacated_, [&](const Vacated& each) { return now - each.since > slot_rest; });
    vacated_.push_back({std::move(place), now, slot});
}

std::vector<VacatedSlot> Holdings::vacated(Time now, bool all) const {
    std::vector<VacatedSlot> resting;
    for (const Vacated& each : vacated_) {
        if (!all && each.slot == Slot::free) continue;
        const auto age = std::chrono::duration_cast<std::chrono::milliseconds>(now - each.since);
        resting.push_back({each.place, age});
    }
    return resting;
}

std::optional<Placement> Holdings::last_place(const std::string& device) const {
    const auto found = last_places_.find(device);
    if (found == last_places_.end()) return std::nullopt;
    return found->second;
}

}  // namespace ivshmemd
