#include "daemon/vm/removal.h"

#include <spdlog/spdlog.h>

#include "daemon/vm/executor.h"
#include "lib/names.h"

namespace ivshmemd {
namespace {

// Removes a region file that this daemon made, unless another device still maps it.
awaitable<void> remove_region(std::shared_ptr<Vm> vm, std::string region) {
    Host& host = vm->host();
    const std::string path = host.regions.path_of(region);
    SavedState state = host.store->get();
    for (const CreatedRegion& each : host.store->get().regions) {
        if (each.path != path) continue;
        RegionFiles::remove(path,
                            {static_cast<dev_t>(each.device), static_cast<ino_t>(each.inode)});
    }
    std::erase_if(state.regions, [&](const CreatedRegion& each) { return each.path == path; });
    co_await host.store->put(std::move(state));
}

bool is_intent_of(const RemovalIntent& intent, const Vm& vm, const std::string& device) {
    return intent.vm == vm.name() && intent.uuid == vm.uuid() && intent.device == device;
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
    vm->forget_device(path);
    vm->cleaning().erase(path);
    if (drop_region && entry.device.spec.region) {
        co_await remove_region(vm, *entry.device.spec.region);
    }
    co_await drop_intent(vm, name);
    if (!asked) spdlog::warn("{}: {} is gone unasked", vm->name(), name);
    vm->publish(asked ? EventKind::detached : EventKind::vanished, name, "");
    vm->changed().notify_all();
}

awaitable<void> clean_orphans(std::shared_ptr<Vm> vm) {
    for (const std::string& id : orphan_backends(vm->inventory())) {
        spdlog::info("{}: deleting backend {}, which serves no device", vm->name(), id);
        co_await delete_backend(vm, id, name_of_backend_id(id).value_or(id));
    }
    for (const std::string& id : orphan_chardevs(vm->inventory())) {
        spdlog::info("{}: deleting chardev {}, which serves no device", vm->name(), id);
        std::vector<Command> commands;
        commands.push_back(DelChardev{id});
        co_await execute(vm, std::move(commands), vm->host().deadlines.query);
    }
}

awaitable<void> save_intent(std::shared_ptr<Vm> vm, std::string device, bool remove) {
    SavedState state = vm->host().store->get();
    std::erase_if(state.removals,
                  [&](const RemovalIntent& each) { return is_intent_of(each, *vm, device); });
    state.removals.push_back({vm->name(), vm->uuid(), device, remove});
    co_await vm->host().store->put(std::move(state));
}

awaitable<void> drop_intent(std::shared_ptr<Vm> vm, std::string device) {
    SavedState state = vm->host().store->get();
    std::erase_if(state.removals,
                  [&](const RemovalIntent& each) { return is_intent_of(each, *vm, device); });
    co_await vm->host().store->put(std::move(state));
}

}  // namespace ivshmemd
