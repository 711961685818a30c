#include "daemon/region/inventory_memory.h"

#include "daemon/region/process_memory.h"
#include "lib/names.h"

namespace ivshmemd {
namespace {

MemoryClaim claim_of(const Inventory& inventory, const Backend& backend) {
    MemoryClaim claim;
    claim.has_path = !backend.path.empty();
    // The window of others, such as the VM's own memory, is not asked for.
    const bool is_asked = serves_a_device(inventory, backend);
    claim.offset = backend.offset;
    claim.size = is_asked || !claim.has_path ? backend.size : 0;
    claim.shared = backend.share;
    claim.read_only = backend.read_only;
    return claim;
}

// Without a backend of its own: a legacy device.
MemoryClaim claim_of(const InventoryDevice& entry) {
    MemoryClaim claim;
    claim.has_path = !entry.memory_path.empty();
    claim.size = entry.device.spec.size;
    return claim;
}

}  // namespace

void find_mappings(Inventory& inventory, std::optional<pid_t> pid) {
    ProcessMemory process(pid);
    for (Backend& backend : inventory.backends) {
        backend.mapping = process.find(backend.path, claim_of(inventory, backend));
    }
    for (InventoryDevice& entry : inventory.devices) {
        if (!entry.chardev_id.empty()) continue;
        const Backend* backend = find_backend(inventory, entry.backend_id);
        entry.mapping =
            backend ? backend->mapping : process.find(entry.memory_path, claim_of(entry));
    }
}

void keep_proofs(Inventory& inventory, const Inventory& before) {
    for (Backend& backend : inventory.backends) {
        const Backend* old = find_backend(before, backend.id);
        if (!old || !is_ours(inventory, backend) || backend.mapping.verified) continue;
        if (!old->mapping.verified || old->path != backend.path) continue;
        backend.mapping = old->mapping;
        for (InventoryDevice& entry : inventory.devices) {
            if (entry.backend_id == backend.id) entry.mapping = old->mapping;
        }
    }
}

}  // namespace ivshmemd
