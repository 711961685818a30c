#include "daemon/vm/vm.h"

#include <algorithm>

#include "lib/names.h"

namespace ivshmemd {

void Vm::set_state(VmState state) {
    if (state_ == state) return;
    state_ = state;
    publish(EventKind::vm_state, std::nullopt, std::string(vm_state_name(state)));
    changed_.notify_all();
}

void Vm::set_run_state(const std::string& run_state) {
    if (run_state.empty() || run_state_ == run_state) return;
    run_state_ = run_state;
    if (run_state != "prelaunch" && run_state != "inmigrate") started_ = true;
    if (state_ == VmState::connected) publish(EventKind::vm_state, std::nullopt, run_state);
    changed_.notify_all();
}

void Vm::end_attempt() {
    ++attempts_;
    changed_.notify_all();
}

void Vm::stop(const std::string& why) {
    stopping_ = true;
    if (pending_) pending_->close(Error(ErrorKind::vm_unavailable, why));
    retry_.notify_all();
    changed_.notify_all();
}

awaitable<void> Vm::sleep_until(SteadyClock::time_point until) {
    while (!stopping_ && SteadyClock::now() < until) co_await retry_.wait_until(until);
}

std::optional<Error> Vm::unavailable() const {
    if (state_ == VmState::connected && session_ && !session_->cause()) return std::nullopt;
    const std::string state(vm_state_name(state_));
    std::string message = "VM " + name() + " is " + state;
    if (last_error_) message += ": " + *last_error_;
    if (state_ == VmState::busy) {
        message += "; give ivshmemd a monitor of its own";
    } else if (state_ == VmState::unreachable) {
        message += "; is it running, with a QMP socket at " + config_.qmp_socket + "?";
    }
    return Error(ErrorKind::vm_unavailable, std::move(message), {{"state", state}});
}

void Vm::connect(std::shared_ptr<qmp::Session> session, Identity identity, std::string uuid,
                 Capabilities capabilities, Reading reading) {
    const bool same_process = identity_.pid && identity.pid == identity_.pid;
    if (!same_process) {
        started_ = false;
        run_state_.clear();
        inventory_ = {};
        departing_.clear();
        removals_.clear();
        vacated_.clear();
    }
    session_ = std::move(session);
    identity_ = std::move(identity);
    uuid_ = std::move(uuid);
    capabilities_ = std::move(capabilities);
    last_error_.reset();
    inventory_.devices.clear();  // what left while nobody listened sends no event any more
    departing_.clear();
    unsettle();
    apply(std::move(reading));
    set_state(VmState::connected);
}

void Vm::disconnect(std::string why) {
    session_.reset();
    last_error_ = std::move(why);
    ++generation_;
    set_state(VmState::unreachable);
    changed_.notify_all();
}

void Vm::apply(Reading reading) {
    const Inventory before = std::exchange(inventory_, std::move(reading.inventory));
    ++generation_;
    doubtful_ = false;
    // Whatever device left a slot, others' included: the guest may still be busy with it.
    for (const Bus& old : before.buses) {
        const Bus* bus = find_bus(inventory_, old.name);
        for (const int slot : old.occupied) {
            if (bus && !bus->occupied.contains(slot)) rest({old.name, slot});
        }
    }
    for (const InventoryDevice& old : before.devices) {
        if (!find_by_path(inventory_, old.device.qom_path)) keep_departing(old);
    }
    set_run_state(reading.run_state);
    changed_.notify_all();
}

// A device leaves QOM some time before its DEVICE_DELETED, and only then lets go of its backend.
// Until the event it stays known, so that the event meets it and not a successor of the same name.
void Vm::keep_departing(const InventoryDevice& entry) {
    inventory_.devices.push_back(entry);
    const bool is_new = departing_.emplace(entry.device.qom_path, departures_ + 1).second;
    if (!is_new) return;
    ++departures_;
    if (on_departing) on_departing(entry);
}

std::uint64_t Vm::departure(const std::string& qom_path) const {
    const auto found = departing_.find(qom_path);
    return found == departing_.end() ? 0 : found->second;
}

void Vm::add_device(const DeviceSpec& spec, const Parts& parts) {
    InventoryDevice entry;
    entry.id = device_id(spec.name);
    entry.backend_id = parts.backend_id;
    entry.chardev_id = parts.chardev_id;
    entry.memory_path = parts.memory_path;
    entry.device.spec = spec;
    entry.device.qom_path = "/machine/peripheral/" + entry.id;
    entry.device.origin = Origin::managed;
    entry.device.has_server = spec.server.has_value();
    inventory_.devices.push_back(std::move(entry));
    if (!parts.backend_id.empty()) {
        inventory_.backends.push_back({parts.backend_id, parts.memory_path, spec.size, true});
    }
    if (!parts.chardev_id.empty()) inventory_.chardevs.push_back(parts.chardev_id);
    for (Bus& bus : inventory_.buses) {
        if (bus.name == spec.bus) bus.occupied.insert(spec.slot);
    }
    last_places_[spec.name] = {spec.bus, spec.slot};
    ++generation_;
    changed_.notify_all();
}

void Vm::forget_device(const std::string& qom_path) {
    ++generation_;  // even of an unknown device: a reading under way may still hold it
    const InventoryDevice* entry = find_by_path(inventory_, qom_path);
    if (!entry) return;
    const DeviceSpec spec = entry->device.spec;
    rest({spec.bus, spec.slot});
    removals_.erase(qom_path);
    departing_.erase(qom_path);
    for (Bus& bus : inventory_.buses) {
        if (bus.name == spec.bus) bus.occupied.erase(spec.slot);
    }
    std::erase_if(inventory_.devices,
                  [&](const InventoryDevice& each) { return each.device.qom_path == qom_path; });
    changed_.notify_all();
}

void Vm::forget_backend(const std::string& id) {
    std::erase_if(inventory_.backends, [&](const Backend& each) { return each.id == id; });
    ++generation_;
}

void Vm::forget_chardev(const std::string& id) {
    std::erase(inventory_.chardevs, id);
    ++generation_;
}

std::optional<RegionIdentity> Vm::memory_of(const InventoryDevice& entry) const {
    if (!entry.memory_path.empty()) return RegionFiles::identity(entry.memory_path);
    if (entry.device.origin != Origin::managed) return std::nullopt;
    const auto memory = host_.relays.memory(name(), entry.device.spec.name);
    if (!memory) return std::nullopt;
    return memory->file;
}

void Vm::rest(Placement place) {
    const SteadyClock::time_point now = SteadyClock::now();
    std::erase_if(vacated_, [&](const auto& entry) { return now - entry.second > slot_rest; });
    vacated_.emplace_back(std::move(place), now);
}

std::vector<VacatedSlot> Vm::vacated() const {
    std::vector<VacatedSlot> resting;
    const SteadyClock::time_point now = SteadyClock::now();
    for (const auto& [place, since] : vacated_) {
        resting.push_back({place, std::chrono::duration_cast<Milliseconds>(now - since)});
    }
    return resting;
}

std::optional<Placement> Vm::last_place(const std::string& device) const {
    const auto found = last_places_.find(device);
    if (found == last_places_.end()) return std::nullopt;
    return found->second;
}

Device Vm::view(const InventoryDevice& entry) const {
    Device device = entry.device;
    device.vm = name();
    device.stale = !session_;
    const auto removal = removals_.find(device.qom_path);
    const bool leaving = removal != removals_.end() && !removal->second.refusal;
    const bool gone = departing_.contains(device.qom_path) || cleaning_.contains(device.qom_path);
    if (leaving || gone) device.state = DeviceState::detaching;
    if (device.origin == Origin::managed && device.has_server) add_relay_facts(device);
    return device;
}

void Vm::add_relay_facts(Device& device) const {
    const std::string& device_name = device.spec.name;
    device.relay_lost = !host_.relays.connected(name(), device_name);
    if (const auto memory = host_.relays.memory(name(), device_name)) {
        device.memory_sealed = memory->sealed;
    }
}

// A backend with our prefix and no device, outside of any operation, could not be deleted.
void Vm::add_leaked(std::vector<Device>& devices) const {
    if (gate_.busy() || !cleaning_.empty()) return;
    for (const std::string& id : orphan_backends(inventory_)) {
        Device device;
        device.spec.name = name_of_backend_id(id).value_or(id);
        device.vm = name();
        device.qom_path = "/objects/" + id;
        device.origin = Origin::managed;
        device.state = DeviceState::leaked;
        device.stale = !session_;
        for (const Backend& backend : inventory_.backends) {
            if (backend.id == id) device.spec.size = backend.size;
        }
        devices.push_back(std::move(device));
    }
}

Device Vm::announced(const DeviceSpec& spec) const {
    Device device;
    device.spec = spec;
    device.vm = name();
    device.qom_path = "/machine/peripheral/" + device_id(spec.name);
    device.origin = Origin::managed;
    device.has_server = spec.server.has_value();
    device.state = DeviceState::attaching;
    return device;
}

std::vector<Device> Vm::devices() const {
    std::vector<Device> devices;
    for (const InventoryDevice& entry : inventory_.devices) devices.push_back(view(entry));
    if (attaching_ && !find_managed(inventory_, attaching_->name)) {
        devices.push_back(announced(*attaching_));
    }
    add_leaked(devices);
    std::sort(devices.begin(), devices.end(),
              [](const Device& a, const Device& b) { return a.qom_path < b.qom_path; });
    return devices;
}

std::optional<Device> Vm::device(const std::string& name) const {
    const InventoryDevice* entry = find_managed(inventory_, name);
    if (!entry) return std::nullopt;
    return view(*entry);
}

void Vm::publish(EventKind kind, std::optional<std::string> device, std::string detail) {
    std::optional<std::string> region;
    if (device && attaching_ && attaching_->name == *device) {
        region = attaching_->region;
    } else if (device) {
        const InventoryDevice* entry = find_managed(inventory_, *device);
        if (entry) region = entry->device.spec.region;
    }
    host_.events.publish({kind, name(), std::move(device), std::move(detail), region.value_or("")});
}

}  // namespace ivshmemd
