#include "daemon/state/proofs.h"

#include <algorithm>

#include "lib/names.h"

namespace ivshmemd {
namespace {

bool is_in(const ProofRecord& record, const VmKey& vm) {
    return record.vm == vm.name && record.uuid == vm.uuid && record.run == vm.run;
}

// Its path may name another file by now.
void prove(Mapping& mapping, const RegionIdentity& file, const std::string& path) {
    if (mapping.file != file) {
        mapping.path.clear();
        mapping.label = path + " (deleted)";
    }
    mapping.kind = Mapping::Kind::file;
    mapping.file = file;
    mapping.verified = true;
}

}  // namespace

awaitable<void> remember_proof(StateStore& store, VmKey vm, std::string backend,
                               RegionIdentity file, Inventory there) {
    const StateStore::Edit edit = [&](SavedState& state) {
        ProofRecord record{vm.name, vm.uuid, vm.run, backend, file.device, file.inode};
        return replace_record(state.proofs, std::move(record), [&](const ProofRecord& each) {
            const bool is_other_vm = each.vm != vm.name;
            const bool stays = is_in(each, vm) && each.backend != backend &&
                               find_backend(there, each.backend) != nullptr;
            return !is_other_vm && !stays;
        });
    };
    co_await store.change(edit);
}

void apply_proofs(const StateStore& store, const VmKey& vm, Inventory& inventory) {
    for (const ProofRecord& each : store.get().proofs) {
        if (!is_in(each, vm)) continue;
        const RegionIdentity file{static_cast<dev_t>(each.device), static_cast<ino_t>(each.inode)};
        for (Backend& backend : inventory.backends) {
            if (backend.id != each.backend || backend.mapping.verified) continue;
            prove(backend.mapping, file, backend.path);
            for (InventoryDevice& entry : inventory.devices) {
                if (entry.backend_id == backend.id) entry.mapping = backend.mapping;
            }
        }
    }
}

}  // namespace ivshmemd
