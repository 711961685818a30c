#include "daemon/detach/removal.h"

#include "daemon/base/log.h"
#include "daemon/detach/parking.h"
#include "daemon/state/regions.h"
#include "daemon/state/removals.h"
#include "daemon/vm/executor.h"
#include "daemon/vm/vm.h"
#include "lib/names.h"

namespace ivshmemd {
namespace {

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

awaitable<void> clear_away(std::shared_ptr<Vm> vm, InventoryDevice entry) {
    const std::string path = entry.device.qom_path;
    const std::string& name = entry.device.spec.name;
    const bool ours = entry.device.origin == Origin::managed;
    // First of all: until then whatever else QEMU opens may be its end.
    if (entry.device.has_server) co_await park_descriptors(vm, entry);
    vm->parked(path);
    if (ours && name_of_backend_id(entry.backend_id)) {
        co_await delete_backend(vm, entry.backend_id, name);
    }
    if (ours && name_of_chardev_id(entry.chardev_id)) {
        co_await delete_chardev(vm, entry.chardev_id, name);
    }
    if (ours) vm->host().relays.drop(vm->name(), name);
    // Who joined the wait meanwhile may have wanted the region to go.
    const Departure* departure = vm->departures().find(path);
    const bool drop_region = departure && departure->remove_region;
    if (drop_region && entry.device.spec.region) {
        co_await remove_region(vm, *entry.device.spec.region);
    }
    vm->gone(path);
    if (ours) co_await drop_intent(*vm->host().store, vm->key(), name);
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
        InventoryDevice gone;
        gone.device.spec.name = name_of_chardev_id(id).value_or(id);
        gone.device.origin = Origin::managed;
        gone.device.has_server = true;
        co_await park_descriptors(vm, gone);
        co_await delete_chardev(vm, id, name_of_chardev_id(id).value_or(id));
    }
}

awaitable<void> clean_orphans_in_turn(std::shared_ptr<Vm> vm) {
    const Turn::Pass pass = co_await vm->turn().enter();
    vm->unsettle();
    co_await clean_orphans(vm);
}

awaitable<void> resume_removals(std::shared_ptr<Vm> vm) {
    const std::vector<RemovalIntent> intents = removal_intents(*vm->host().store, vm->key());
    for (const RemovalIntent& intent : intents) {
        const InventoryDevice* entry = find_managed(vm->inventory(), intent.device);
        // A later process may have a device of that name on its command line.
        const bool same_run = intent.run == vm->identity().run && !intent.run.empty();
        if (entry && same_run) {
            if (vm->departures().find(entry->device.qom_path)) continue;  // this daemon's own
            vm->resume_departure(entry->device.qom_path, intent.remove_region);
            continue;
        }
        if (intent.remove_region && !intent.region.empty()) {
            co_await remove_region(vm, intent.region);
        }
        co_await drop_intent(*vm->host().store, vm->key(), intent.device);
    }
}

}  // namespace ivshmemd
