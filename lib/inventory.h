#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/bus.h"
#include "lib/device.h"
#include "lib/mapping.h"

namespace ivshmemd {

/// A memory backend below /objects.
struct Backend {
    std::string id;
    std::string path;        // mem-path; empty for kinds that have none
    std::uint64_t size = 0;  // bytes
    bool share = false;
    std::string type{};  // QOM type, such as "memory-backend-file"
    // Of one that a device shows; of others they are not asked for.
    std::uint64_t offset = 0;  // in the file, bytes; QEMU 8.1 and later
    bool read_only = false;    // QEMU 6.0 and later
    bool prealloc = false;
    std::optional<int> numa{};  // the only node of the host that it may come from
    bool discarded = false;     // emptied when QEMU ends: discard-data=on
    Mapping mapping{};
};

/// An ivshmem device as QOM shows it.
struct InventoryDevice {
    Device device;
    std::string id;           // QEMU id; empty when it has none
    std::string backend_id;   // of plain
    std::string chardev_id;   // of doorbell, and of legacy with a server
    std::string memory_path;  // file of its memory; empty when it has none that can be told
    int function = 0;         // of its slot
    Mapping mapping{};        // without a server
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

/// The backend of this id, or null.
const Backend* find_backend(const Inventory& inventory, std::string_view id);

/// Whether a device stands on this backend.
bool serves_a_device(const Inventory& inventory, const Backend& backend);

/// Whether it is this daemon's: by its id, or because a device of ours stands on it.
bool is_ours(const Inventory& inventory, const Backend& backend);

/// Ids of backends and chardevs that carry our prefix and serve no device: left behind by an
/// attachment that did not finish.
std::vector<std::string> orphan_backends(const Inventory& inventory);
std::vector<std::string> orphan_chardevs(const Inventory& inventory);

/// The id for a new backend of this device. A backend that cannot be deleted keeps its id for ever,
/// and none carries a second device (QEMU aborts), so the next generation is used.
std::string fresh_backend_id(const Inventory& inventory, std::string_view name);

}  // namespace ivshmemd
