#include <algorithm>

#include "daemon/vm/vm.h"

// A VM's devices on their way out.
namespace ivshmemd {

const Bus* Vm::bus_of(const std::string& path) const {
    const InventoryDevice* entry = find_by_path(inventory(), path);
    return entry ? find_bus(inventory(), entry->device.spec.bus) : nullptr;
}

int Vm::pace_of(const std::string& path) const {
    const Bus* bus = bus_of(path);
    return bus && capabilities() ? unplug_pace(*bus, capabilities()->version) : 1;
}

void Vm::departures_changed() {
    host_.relays.hold_back(name(), !adopted() || has_unparked_doorbell());
    changed_.notify_all();
}

bool Vm::has_unparked_doorbell() const {
    const auto& all = departures_.all();
    return std::any_of(all.begin(), all.end(), [this](const auto& each) {
        const auto& [path, departure] = each;
        const bool is_gone = departure.phase == Departure::Phase::left ||
                             departure.phase == Departure::Phase::clearing;
        return is_gone && !departure.parked && is_watched_doorbell(path);
    });
}

// Also while nothing is known of its QEMU.
bool Vm::watches_doorbells() const {
    return !capabilities() || !capabilities()->kvm;
}

bool Vm::is_watched_doorbell(const std::string& path) const {
    const InventoryDevice* entry = find_by_path(inventory(), path);
    return entry && entry->device.has_server && !has_kernel_interrupts(entry->device.spec);
}

std::string Vm::leaving_doorbell() const {
    for (const auto& [path, departure] : departures_.all()) {
        if (departure.phase == Departure::Phase::refused || departure.parked) continue;
        if (is_watched_doorbell(path)) return find_by_path(inventory(), path)->device.spec.name;
    }
    return "";
}

void Vm::set_adopted(bool adopted) {
    adopted_ = adopted;
    departures_changed();
}

std::vector<VacatedSlot> Vm::vacated(bool all) const {
    return holdings_.vacated(SteadyClock::now(), all);
}

void Vm::overtake() {
    doubt();
    expire();
    notices_.hotplug(SteadyClock::now());
}

void Vm::told_guest(const Command& command, bool answered) {
    const SteadyClock::time_point now = SteadyClock::now();
    const DelDevice* removal = std::get_if<DelDevice>(&command);
    if (!removal && !std::holds_alternative<AddDevice>(command)) return;
    std::string path;
    if (removal) path = removal->id.starts_with('/') ? "" : "/machine/peripheral/";
    if (removal) path += removal->id;
    if (answered) {
        notices_.answered(path, now);
    } else if (removal) {
        notices_.asked(path, now);
    } else {
        notices_.adding(now);
    }
}

void Vm::set_range(const std::string& path, std::optional<DescriptorRange> range) {
    departures_.set_range(path, range);
}

bool Vm::clear_away(const std::string& path) {
    const bool is_ours = departures_.clear(path);
    if (is_ours) departures_.left_in_calm(path, notices_.left(path, SteadyClock::now()));
    departures_changed();
    return is_ours;
}

// Once the guest runs, whoever drives the departures asks.
bool Vm::hold_back(const std::string& path) {
    const Bus* bus = bus_of(path);
    if (!bus || !capabilities()) return false;
    const Version& qemu = capabilities()->version;
    if (waits_for_guest(*bus, qemu, run_state(), started())) return true;
    const SteadyClock::time_point now = SteadyClock::now();
    const SteadyClock::time_point from =
        holdings_.seen_since(path, now) + settling_time(*bus, qemu);
    if (from <= now) return false;
    departures_.postpone(path, from);
    changed_.notify_all();
    return true;
}

bool Vm::want_gone(const std::string& path, bool remove_region) {
    const SteadyClock::time_point now = SteadyClock::now();
    const bool first = departures_.want(path, remove_region, now);
    if (first) departures_.set_pace(path, pace_of(path), now);
    departures_changed();
    return first;
}

void Vm::resume_departure(const std::string& path, bool remove_region) {
    const SteadyClock::time_point now = SteadyClock::now();
    departures_.resume(path, remove_region, now);
    departures_.set_pace(path, pace_of(path), now);
    departures_changed();
}

void Vm::answered(const std::string& path) {
    departures_.answered(path, SteadyClock::now());
    departures_changed();
}

void Vm::refuse_departure(const std::string& path, std::string refusal) {
    departures_.refuse(path, std::move(refusal));
    departures_changed();
}

void Vm::withdraw_departure(const std::string& path) {
    departures_.withdraw(path);
    departures_changed();
}

void Vm::heard_gone(const std::string& path) {
    departures_.heard(path, SteadyClock::now());
    departures_changed();
}

void Vm::look_again(const std::string& path) {
    departures_.look_again(path, SteadyClock::now());
    departures_changed();
}

void Vm::relapse(const std::string& path, std::uint64_t number) {
    departures_.relapse(path, number, SteadyClock::now());
    departures_changed();
}

void Vm::parked(const std::string& path) {
    departures_.parked(path);
    departures_changed();
}

void Vm::start_departures_over() {
    notices_.start_over(SteadyClock::now());
    departures_.start_over(SteadyClock::now());
    departures_changed();
}

void Vm::gone(const std::string& path, const std::string& detail) {
    const InventoryDevice* entry = find_by_path(inventory(), path);
    const Departure* departure = departures_.find(path);
    if (!entry || !departure) return;
    const DeviceSpec spec = entry->device.spec;
    const EventKind kind = departure->asked_for ? EventKind::detached : EventKind::vanished;
    // The memory of a legacy device lingers under a name that tells nothing.
    const bool is_free = departure->in_calm && spec.model != Model::legacy;
    const auto slot = is_free ? Holdings::Slot::free : Holdings::Slot::rests;
    holdings_.forget_device(path, SteadyClock::now(), slot);
    departures_.gone(path);
    host_.events.publish({kind, name(), spec.name, detail, spec.region.value_or("")});
    departures_changed();
}

}  // namespace ivshmemd
