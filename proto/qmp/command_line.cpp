#include "proto/qmp/command_line.h"

#include "proto/qmp/dialect.h"

namespace ivshmemd::qmp {
namespace {

// In a list of options a comma is written twice.
std::string doubled(const std::string& value) {
    std::string out;
    for (const char c : value) out += c == ',' ? ",," : std::string(1, c);
    return out;
}

const char* on_off(bool on) {
    return on ? "on" : "off";
}

void add_backend(const Inventory& inventory, const std::string& id,
                 std::vector<std::string>& arguments) {
    for (const Backend& backend : inventory.backends) {
        if (backend.id != id) continue;
        arguments.insert(arguments.end(),
                         {"-object", "memory-backend-file,id=" + doubled(id) +
                                         ",size=" + std::to_string(backend.size) +
                                         ",mem-path=" + doubled(backend.path) + ",share=on"});
    }
}

void add_chardev(const InventoryDevice& entry, std::vector<std::string>& arguments) {
    arguments.insert(arguments.end(),
                     {"-chardev", "socket,id=" + doubled(entry.chardev_id) +
                                      ",path=" + doubled(entry.device.spec.server.value_or(""))});
}

// As QEMU finds it, which is not what it is called where two share their name.
std::string address_of_bus(const Inventory& inventory, const std::string& name) {
    const Bus* bus = find_bus(inventory, name);
    return bus && !bus->address.empty() ? bus->address : name;
}

std::string device_argument(const Inventory& inventory, const InventoryDevice& entry) {
    const DeviceSpec& spec = entry.device.spec;
    const bool legacy = spec.model == Model::legacy;
    std::string text(qom_type(spec.model));
    if (!entry.id.empty()) text += ",id=" + doubled(entry.id);
    if (!entry.chardev_id.empty()) {
        text += ",chardev=" + doubled(entry.chardev_id);
        text += ",vectors=" + std::to_string(spec.vectors.value_or(1));
        const bool msi = spec.msi.value_or(true);
        if (legacy) text += std::string(",msi=") + on_off(msi);
        text += std::string(",ioeventfd=") + on_off(spec.ioeventfd.value_or(msi));
    } else if (legacy) {
        text += ",shm=" + doubled(spec.region.value_or(""));
    } else {
        text += ",memdev=" + doubled(entry.backend_id);
    }
    if (legacy) text += ",size=" + std::to_string(spec.size) + "B";
    text += legacy ? ",role=master" : ",master=on";
    return text + ",bus=" + doubled(address_of_bus(inventory, spec.bus)) +
           ",addr=" + slot_address(spec.slot);
}

}  // namespace

std::vector<std::string> receiver_arguments(const Inventory& inventory) {
    std::vector<std::string> arguments;
    for (const InventoryDevice& entry : inventory.devices) {
        if (blocks_migration(entry.device)) continue;
        if (!entry.backend_id.empty()) add_backend(inventory, entry.backend_id, arguments);
        if (!entry.chardev_id.empty()) add_chardev(entry, arguments);
        arguments.insert(arguments.end(), {"-device", device_argument(inventory, entry)});
    }
    return arguments;
}

}  // namespace ivshmemd::qmp
