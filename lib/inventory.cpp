#include "lib/inventory.h"

#include <algorithm>

#include "lib/names.h"

namespace ivshmemd {
namespace {

template <class Predicate>
const InventoryDevice* find_device(const Inventory& inventory, Predicate matches) {
    const auto found = std::find_if(inventory.devices.begin(), inventory.devices.end(), matches);
    return found == inventory.devices.end() ? nullptr : &*found;
}

}  // namespace

const InventoryDevice* find_managed(const Inventory& inventory, std::string_view name) {
    const std::string id = device_id(name);
    return find_device(inventory, [&](const InventoryDevice& each) { return each.id == id; });
}

const InventoryDevice* find_by_path(const Inventory& inventory, std::string_view qom_path) {
    return find_device(
        inventory, [&](const InventoryDevice& each) { return each.device.qom_path == qom_path; });
}

const Bus* find_bus(const Inventory& inventory, std::string_view name) {
    const auto found = std::find_if(inventory.buses.begin(), inventory.buses.end(),
                                    [&](const Bus& bus) { return bus.name == name; });
    return found == inventory.buses.end() ? nullptr : &*found;
}

const Backend* find_backend(const Inventory& inventory, std::string_view id) {
    const auto found = std::find_if(inventory.backends.begin(), inventory.backends.end(),
                                    [&](const Backend& backend) { return backend.id == id; });
    return found == inventory.backends.end() ? nullptr : &*found;
}

bool serves_a_device(const Inventory& inventory, const Backend& backend) {
    return find_device(inventory, [&](const InventoryDevice& each) {
               return each.backend_id == backend.id;
           }) != nullptr;
}

bool is_ours(const Inventory& inventory, const Backend& backend) {
    if (name_of_backend_id(backend.id)) return true;
    return std::any_of(
        inventory.devices.begin(), inventory.devices.end(), [&](const InventoryDevice& each) {
            return each.device.origin == Origin::managed && each.backend_id == backend.id;
        });
}

std::vector<std::string> orphan_backends(const Inventory& inventory) {
    std::vector<std::string> orphans;
    for (const Backend& backend : inventory.backends) {
        const bool used = serves_a_device(inventory, backend);
        if (!used && name_of_backend_id(backend.id)) orphans.push_back(backend.id);
    }
    return orphans;
}

std::vector<std::string> orphan_chardevs(const Inventory& inventory) {
    std::vector<std::string> orphans;
    for (const std::string& chardev : inventory.chardevs) {
        const bool used = find_device(
            inventory, [&](const InventoryDevice& each) { return each.chardev_id == chardev; });
        if (!used && name_of_chardev_id(chardev)) orphans.push_back(chardev);
    }
    return orphans;
}

std::string fresh_backend_id(const Inventory& inventory, std::string_view name) {
    for (int generation = 1;; ++generation) {
        std::string id = backend_id(name, generation);
        if (!find_backend(inventory, id)) return id;
    }
}

}  // namespace ivshmemd
