#include <algorithm>
#include <cstdio>

#include "lib/names.h"
#include "proto/qmp/bus_names.h"
#include "proto/qmp/bus_room.h"
#include "proto/qmp/inventory_query.h"

// What the answers to all questions say together.

namespace ivshmemd::qmp {
namespace {

// Roots first, then in the order that query-pci shows their bridges, which is that of addresses;
// those it does not show are last.
void sort_buses(std::vector<Bus>& buses, const std::vector<PciFunction>& functions,
                const std::map<std::string, const PciFunction*>& shown) {
    const auto place = [&](const Bus& bus) -> std::ptrdiff_t {
        if (bus.kind == BusKind::root) return -1;
        const PciFunction* function = shown.at(bus.path);
        return function ? function - functions.data()
                        : static_cast<std::ptrdiff_t>(functions.size());
    };
    std::stable_sort(buses.begin(), buses.end(),
                     [&](const Bus& a, const Bus& b) { return place(a) < place(b); });
}

}  // namespace

bool InventoryQuery::is_on_root(const RawDevice& raw) const {
    return std::any_of(buses_.begin(), buses_.end(), [&](const Bus& bus) {
        return bus.path == raw.bus_path && bus.kind == BusKind::root;
    });
}

const PciFunction* InventoryQuery::function_of(const RawDevice& raw) const {
    const bool on_root = is_on_root(raw);
    const auto found = std::find_if(functions_.begin(), functions_.end(), [&](const auto& each) {
        if (!raw.entry.id.empty()) return each.qdev_id == raw.entry.id;
        return on_root && each.bus == 0 && each.slot * 8 + each.function == raw.devfn;
    });
    return found == functions_.end() ? nullptr : &*found;
}

void InventoryQuery::complete_device(RawDevice& raw) const {
    Device& device = raw.entry.device;
    const auto bus = std::find_if(buses_.begin(), buses_.end(),
                                  [&](const Bus& each) { return each.path == raw.bus_path; });
    device.spec.bus = bus == buses_.end() ? last_part(raw.bus_path) : bus->name;
    if (bus != buses_.end()) device.fixed = staying_reason(*bus);
    device.spec.slot = raw.devfn >= 0 ? raw.devfn / 8 : 0;
    raw.entry.function = raw.devfn >= 0 ? raw.devfn % 8 : 0;
    complete_region(raw);
    device.has_server = !raw.entry.chardev_id.empty();
    const auto server = servers_.find(raw.entry.chardev_id);
    if (server != servers_.end()) device.spec.server = server->second;
    const PciFunction* function = function_of(raw);
    if (!function) return;
    if (device.spec.size == 0) device.spec.size = function->bar2_size.value_or(0);
    device.guest_mapped = function->bar2_mapped;
    // Behind a port the bus number is 0 until the guest has chosen one.
    if (function->bus == 0 && !is_on_root(raw)) return;
    char address[sizeof "0000:00:00.0"];
    std::snprintf(address, sizeof address, "0000:%02x:%02x.%x", function->bus & 0xff,
                  function->slot & 0x1f, function->function & 7);
    device.guest_address = address;
}

void InventoryQuery::complete_region(RawDevice& raw) const {
    DeviceSpec& spec = raw.entry.device.spec;
    std::string file = raw.shm_file;
    const auto backend = std::find_if(backends_.begin(), backends_.end(), [&](const Backend& each) {
        return each.id == raw.entry.backend_id;
    });
    if (backend != backends_.end()) {
        spec.size = backend->size;
        spec.readonly = backend->read_only;
        spec.prealloc = backend->prealloc;
        spec.numa = backend->numa;
        file = backend->path;
    }
    raw.entry.memory_path = file;
    spec.region = places_.region_at(file);
}

void InventoryQuery::read_buses() {
    const std::vector<FoundBus> found = find_pci_buses(memo_);
    std::vector<Waiting> waiting;
    for (const RawDevice& raw : devices_) {
        const PciFunction* function = function_of(raw);
        if (!function || function->bar2_mapped) continue;
        waiting.push_back({raw.bus_path, function->bar2_size.value_or(0)});
    }
    BusRoom room(memo_, found, functions_, waiting, run_state_ == "prelaunch");
    std::map<std::string, const PciFunction*> shown;
    buses_.assign(found.size(), Bus());
    for (std::size_t i = 0; i < found.size(); ++i) {
        judge_hotplug(read_bus_facts(memo_, found[i]), buses_[i]);
        buses_[i].device = found[i].owner_type;
        buses_[i].reserves = owner_listing(memo_, found[i]).has("pref64-reserve");
        if (!buses_[i].hotpluggable && buses_[i].kind != BusKind::port) continue;
        buses_[i].occupied = read_occupied(memo_, found[i], buses_[i].kind);
        buses_[i].room = room.of(found[i]);
    }
    name_buses(memo_, found, buses_);
    for (const FoundBus& each : found) shown[each.path] = room.function_of(each);
    sort_buses(buses_, functions_, shown);
}

Inventory InventoryQuery::result() {
    Inventory inventory;
    for (RawDevice& raw : devices_) {
        if (has_left(raw.entry.device.qom_path)) continue;
        complete_device(raw);
        inventory.devices.push_back(raw.entry);
    }
    std::sort(inventory.devices.begin(), inventory.devices.end(),
              [](const auto& a, const auto& b) { return a.device.qom_path < b.device.qom_path; });
    inventory.backends.assign(backends_.begin(), backends_.end());
    inventory.chardevs = chardevs_;
    inventory.buses = buses_;
    return inventory;
}

}  // namespace ivshmemd::qmp
