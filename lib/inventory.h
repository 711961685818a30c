#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/bus.h"
#include "lib/device.h"

namespace ivshmemd {

/// A memory backend below /objects.
struct Backend {
    std::string id;
    std::string path;        // mem-path; empty for kinds that have none
    std::uint64_t size = 0;  // bytes
    bool share = false;
};

/// An ivshmem device as QOM shows it.
struct InventoryDevice {
    Device device;
    std::string id;           // QEMU id; empty when it has none
    std::string backend_id;   // of plain
    std::string chardev_id;   // of doorbell, and of legacy with a server
    std::string memory_path;  // file of its memory; empty when it has none that can be told
};

/// What one QEMU holds of ours and of others', read at one moment.
struct Inventory {
    std::vector<InventoryDevice> devices;
    std::vector<Backend> backends;
    std::vector<std::string> chardevs;
    std::vector<Bus> buses;
};

/// The managed device of this name, or null.
const InventoryDevice* find_managed(const Inventory& inventory, std::string_view name);

/// The device at this QOM path, or null.
const InventoryDevice* find_by_path(const Inventory& inventory, std::string_view qom_path);

const Bus* find_bus(const Inventory& inventory, std::string_view name);

/// Ids of backends and chardevs that carry our prefix and serve no device: left behind by an
/// attachment that did not finish.
std::vector<std::string> orphan_backends(const Inventory& inventory);
std::vector<std::string> orphan_chardevs(const Inventory& inventory);

/// The id for a new backend of this device. A backend that cannot be deleted keeps its id for ever,
/// and none carries a second device (QEMU aborts), so the next generation is used.
std::string fresh_backend_id(const Inventory& inventory, std::string_view name);

}  // namespace ivshmemd
