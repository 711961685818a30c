#include "daemon/detach/removal.h"

#include "daemon/base/log.h"
#include "daemon/detach/parking.h"
#include "daemon/detach/unplug.h"
#include "daemon/state/regions.h"
#include "daemon/state/removals.h"
#include "daemon/vm/executor.h"
#include "lib/names.h"

namespace ivshmemd {
namespace {

// A daemon that ended before it could take the numbers its device left behind is not there to tell
// how many those are.
constexpr std::uint32_t unknown_vectors = 64;

// Removes a region file that this daemon made and no VM it knows uses.
awaitable<void> remove_region(std::shared_ptr<Vm> vm, std::string region) {
    Host& host = vm->host();
    const std::string path = host.regions.path_of(region);
    const std::optional<RegionIdentity> made = created_region(*host.store, path);
    if (!made) co_return;
    const std::string user = host.find_user(*made);
    if (!user.empty()) {
        log_info({vm->name(), ": keeping region ", path, ", which ", user, " uses"},
                 {{"VM", vm->name()}, {"REGION", region}});
        co_return;
    }
    RegionFiles::remove(path, *made);
    co_await forget_region(*host.store, path, *made);
}

}  // namespace

awaitable<void> finish_removal(std::shared_ptr<Vm> vm, InventoryDevice entry) {
    const std::string path = entry.device.qom_path;
    if (!vm->cleaning().insert(path).second) co_return;
    const auto removal = vm->removals().find(path);
    const bool asked = removal != vm->removals().end();
    const bool drop_region = asked && removal->second.remove_region;
    const std::string& name = entry.device.spec.name;
    const bool ours = entry.device.origin == Origin::managed;
    if (ours && name_of_backend_id(entry.backend_id)) {
        co_await delete_backend(vm, entry.backend_id, name);
    }
    if (ours && entry.device.has_server) {
        co_await park_descriptors(vm, entry.device.spec);
    }
    if (ours && name_of_chardev_id(entry.chardev_id)) {
        co_await delete_chardev(vm, entry.chardev_id, name);
    }
    if (ours) vm->host().relays.drop(vm->name(), name);
    vm->forget_device(path);
    vm->cleaning().erase(path);
    if (drop_region && entry.device.spec.region) {
        co_await remove_region(vm, *entry.device.spec.region);
    }
    co_await drop_intent(*vm->host().store, vm->key(), name);
    const EventKind kind = asked ? EventKind::detached : EventKind::vanished;
    vm->host().events.publish({kind, vm->name(), name, "", entry.device.spec.region.value_or("")});
    vm->changed().notify_all();
}

awaitable<void> clean_orphans(std::shared_ptr<Vm> vm) {
    for (const std::string& id : orphan_backends(vm->inventory())) {
        log_info({vm->name(), ": deleting backend ", id, ", which serves no device"},
                 {{"VM", vm->name()}});
        co_await delete_backend(vm, id, name_of_backend_id(id).value_or(id));
    }
    for (const std::string& id : orphan_chardevs(vm->inventory())) {
        log_info({vm->name(), ": deleting chardev ", id, ", which serves no device"},
                 {{"VM", vm->name()}});
        DeviceSpec gone;
        gone.name = name_of_chardev_id(id).value_or(id);
        gone.vectors = unknown_vectors;
        co_await park_descriptors(vm, std::move(gone));
        co_await delete_chardev(vm, id, name_of_chardev_id(id).value_or(id));
    }
}

awaitable<void> clean_orphans_in_turn(std::shared_ptr<Vm> vm) {
    const Gate::Pass pass = co_await vm->gate().enter();
    vm->unsettle();
    co_await clean_orphans(vm);
}

awaitable<void> resume_removals(std::shared_ptr<Vm> vm) {
    const std::vector<RemovalIntent> intents = removal_intents(*vm->host().store, vm->key());
    for (const RemovalIntent& intent : intents) {
        if (const InventoryDevice* entry = find_managed(vm->inventory(), intent.device)) {
            vm->removals()[entry->device.qom_path] = {intent.remove_region, {}, SteadyClock::now()};
            doubt_removal(vm, entry->device.qom_path);
            continue;
        }
        if (intent.remove_region && !intent.region.empty()) {
            co_await remove_region(vm, intent.region);
        }
        co_await drop_intent(*vm->host().store, vm->key(), intent.device);
    }
}

}  // namespace ivshmemd
