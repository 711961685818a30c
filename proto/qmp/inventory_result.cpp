#include <algorithm>
#include <cstdio>

#include "lib/names.h"
#include "proto/qmp/inventory_query.h"

// What the answers to all questions say together.

namespace ivshmemd::qmp {
namespace {

// The window firmware gives a port that reserves nothing.
constexpr std::uint64_t default_window = std::uint64_t{2} << 20;

}  // namespace

const PciFunction* InventoryQuery::function_of(const RawDevice& raw) const {
    const bool on_root = last_part(raw.bus_path) == root_bus_name_;
    const auto found = std::find_if(functions_.begin(), functions_.end(), [&](const auto& each) {
        if (!raw.entry.id.empty()) return each.qdev_id == raw.entry.id;
        return on_root && each.bus == 0 && each.slot * 8 + each.function == raw.devfn;
    });
    return found == functions_.end() ? nullptr : &*found;
}

void InventoryQuery::complete_device(RawDevice& raw) const {
    Device& device = raw.entry.device;
    device.spec.bus = last_part(raw.bus_path);
    device.spec.slot = raw.devfn >= 0 ? raw.devfn / 8 : 0;
    complete_region(raw);
    device.has_server = !raw.entry.chardev_id.empty();
    const auto server = servers_.find(raw.entry.chardev_id);
    if (server != servers_.end()) device.spec.server = server->second;
    const PciFunction* function = function_of(raw);
    if (!function) return;
    if (device.spec.size == 0) device.spec.size = function->bar2_size.value_or(0);
    device.guest_mapped = function->bar2_mapped;
    // Behind a port the bus number is 0 until the guest has chosen one.
    if (function->bus == 0 && device.spec.bus != root_bus_name_) return;
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
        file = backend->path;
    }
    raw.entry.memory_path = file;
    const std::string below = region_dir_ + "/";
    if (!file.starts_with(below)) return;
    const std::string name = file.substr(below.size());
    if (check_region_name(name)) spec.region = name;
}

Bus InventoryQuery::root_bus() const {
    Bus bus;
    bus.name = root_bus_name_;
    bus.hotpluggable = root_hotpluggable_;
    for (const PciFunction& function : functions_) {
        // Before firmware, devices behind bridges are not listed at all: bus 0 is the root bus.
        if (function.bus == 0) bus.occupied.insert(function.slot);
    }
    return bus;
}

std::vector<Bus> InventoryQuery::port_buses() {
    std::vector<Bus> buses;
    const auto take = [&](Port& port, const PciFunction* function) {
        Bus bus = port.bus;
        // Firmware numbers the buses first and opens the windows later.
        const bool opened = function && function->secondary != 0 &&
                            function->prefetch_base <= function->prefetch_limit;
        if (opened) {
            bus.room = largest_aligned_block(function->prefetch_base, function->prefetch_limit);
        } else {
            bus.room = port.reserve == UINT64_MAX ? default_window : port.reserve;
        }
        buses.push_back(std::move(bus));
    };
    // In the order of their addresses, then those query-pci does not show.
    for (const PciFunction& function : functions_) {
        for (Port& port : ports_) {
            if (port.bus.name == function.qdev_id) take(port, &function);
        }
    }
    for (Port& port : ports_) {
        const bool shown = std::any_of(functions_.begin(), functions_.end(), [&](const auto& each) {
            return each.qdev_id == port.bus.name;
        });
        if (!shown) take(port, nullptr);
    }
    return buses;
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
    if (!root_bus_name_.empty()) inventory.buses.push_back(root_bus());
    for (Bus& bus : port_buses()) inventory.buses.push_back(std::move(bus));
    return inventory;
}

}  // namespace ivshmemd::qmp
