#include <algorithm>

#include "daemon/vm/vm.h"
#include "lib/names.h"

// A VM's devices as the API shows them.
namespace ivshmemd {

// A server's memory is its own, unless it is known to be a region.
Mapping Vm::memory_of(const InventoryDevice& entry) const {
    if (entry.chardev_id.empty()) return entry.mapping;
    Mapping mapping;
    mapping.kind = Mapping::Kind::anonymous;
    if (entry.device.origin != Origin::managed) return mapping;
    const auto memory = host_.relays.memory(name(), entry.device.spec.name);
    if (!memory) return mapping;
    mapping = whole_file(memory->file, entry.device.spec.size);
    mapping.verified = true;
    return mapping;
}

bool Vm::maps(const InventoryDevice& entry) const {
    const Departure* departure = departures_.find(entry.device.qom_path);
    if (!departure || departure->phase != Departure::Phase::clearing) return true;
    const std::vector<Backend>& backends = inventory().backends;
    return std::any_of(backends.begin(), backends.end(),
                       [&](const Backend& each) { return each.id == entry.backend_id; });
}

Device Vm::view(const InventoryDevice& entry) const {
    Device device = entry.device;
    device.vm = name();
    device.backend = entry.backend_id;
    device.stale = !session();
    if (departures_.leaving(device.qom_path)) device.state = DeviceState::detaching;
    if (entry.chardev_id.empty()) device.memory = entry.mapping;
    if (device.origin == Origin::managed && device.has_server) add_relay_facts(device);
    return device;
}

void Vm::add_relay_facts(Device& device) const {
    const std::string& device_name = device.spec.name;
    device.relay_lost = !host_.relays.connected(name(), device_name);
    const std::size_t waiting = host_.relays.crowded_out(name(), device_name);
    if (waiting > 0) device.peers_waiting = waiting;
    if (const auto memory = host_.relays.memory(name(), device_name)) {
        device.memory_sealed = memory->sealed;
    }
}

// A backend with our prefix and no device, outside of any operation, could not be deleted.
void Vm::add_leaked(std::vector<Device>& devices) const {
    if (turn_.busy() || departures_.clearing()) return;
    for (const std::string& id : orphan_backends(inventory())) {
        Device device;
        device.spec.name = name_of_backend_id(id).value_or(id);
        device.vm = name();
        device.qom_path = "/objects/" + id;
        device.origin = Origin::managed;
        device.state = DeviceState::leaked;
        device.stale = !session();
        for (const Backend& backend : inventory().backends) {
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
    for (const InventoryDevice& entry : inventory().devices) devices.push_back(view(entry));
    const std::optional<DeviceSpec>& coming = turn_.coming();
    if (coming && !find_managed(inventory(), coming->name)) devices.push_back(announced(*coming));
    add_leaked(devices);
    std::sort(devices.begin(), devices.end(),
              [](const Device& a, const Device& b) { return a.qom_path < b.qom_path; });
    return devices;
}

std::optional<Device> Vm::device(const std::string& name) const {
    const InventoryDevice* entry = find_managed(inventory(), name);
    if (!entry) return std::nullopt;
    return view(*entry);
}

}  // namespace ivshmemd
