#include <algorithm>

#include "daemon/detach/removal.h"
#include "daemon/migration/plug_back.h"
#include "daemon/state/declared.h"
#include "daemon/state/migrations.h"
#include "daemon/state/regions.h"
#include "daemon/transaction/run.h"
#include "daemon/vm/refresh.h"
#include "daemon/vm/region_removal.h"

namespace ivshmemd {
namespace {

using SettledRun = std::shared_ptr<TransactionRun>;

awaitable<void> note_attached(std::shared_ptr<Vm> vm, std::string device) {
    vm->declared().mend(device);
    const std::set<std::string> names{device};  // nobody has to bring back what is there
    co_await forget_devices(*vm->host().store, vm->name(), vm->uuid(), names);
    co_await note_by_hand(*vm->host().store, vm->key(), std::move(device));
}

awaitable<void> note_detached(std::shared_ptr<Vm> vm, std::string device) {
    const Host& host = vm->host();
    const bool declared = find_declaration(host.config.declarations, vm->name(), device);
    vm->declared().mend(device);
    co_await keep_away(*host.store, vm->key(), std::move(device), declared);
}

// Of all that left; what has yet to leave takes its region along.
awaitable<void> remove_regions(SettledRun run) {
    std::map<std::string, std::shared_ptr<Vm>> regions;  // and one that can ask for it
    for (std::size_t index = 0; index < run->plans->size(); ++index) {
        const std::shared_ptr<Vm> vm = run->vm(index);
        for (std::size_t step = 0; vm && step < (*run->plans)[index].detach.size(); ++step) {
            const Task task{Task::Kind::detach, index, step};
            if (run->result.vms[index].detached[step] == Detached::pending) {
                co_await ask_to_leave(run, vm, task, true, Milliseconds(0));
                continue;
            }
            const auto known = run->taken_out.find(run->course.device_of(task));
            const bool has_region = known != run->taken_out.end() && known->second.region;
            if (has_region) regions[*known->second.region] = vm;
        }
    }
    for (const auto& [region, vm] : regions) {
        const std::string kept =
            co_await remove_region(vm, region, run->host.deadlines.region_free);
        if (!kept.empty()) run->result.kept_regions.push_back(region + ": " + kept);
    }
}

}  // namespace

awaitable<void> settle_success(SettledRun run) {
    for (std::size_t index = 0; index < run->plans->size(); ++index) {
        const std::shared_ptr<Vm> vm = run->vm(index);
        if (!vm) continue;
        for (const Attached& each : run->result.vms[index].attached) {
            if (each.changed) co_await note_attached(vm, each.device.spec.name);
        }
        const VmPlan& plan = (*run->plans)[index];
        for (const std::string& name : plan.detach) {
            const bool comes_again =
                std::any_of(plan.attach.begin(), plan.attach.end(),
                            [&](const DeviceRequest& each) { return each.name == name; });
            if (!comes_again) co_await note_detached(vm, name);
        }
    }
    if (run->wishes.remove_regions) co_await remove_regions(run);
}

awaitable<std::vector<std::string>> return_later(SettledRun run) {
    std::vector<std::string> named;
    std::map<std::size_t, std::vector<DeviceSpec>> by_vm;
    for (const Task& task : run->to_return) {
        const std::string device = run->course.device_of(task);
        const auto known = run->taken_out.find(device);
        if (known == run->taken_out.end() || !run->vm(task.vm)) continue;
        by_vm[task.vm].push_back(known->second);
        named.push_back(device);
    }
    for (auto& [index, devices] : by_vm) {
        const std::shared_ptr<Vm> vm = run->vm(index);
        co_await put_back_later(*run->host.store, vm->key(), std::move(devices));
        keep_plugging_back(vm);
        vm->changed().notify_all();
    }
    co_return named;
}

awaitable<std::vector<std::string>> take_back_regions(SettledRun run) {
    std::vector<std::string> kept;
    const auto& vms = run->host.vms;
    for (const auto& [path, file] : run->made) {
        // Gone with the device that it was made for, or taken back by its attach.
        const bool there = created_region(*run->host.store, path) == file;
        if (!there || vms.empty()) continue;
        RegionRemoval removal{path, file, "", run->host.deadlines.region_free};
        const std::shared_ptr<Vm> asker = vms.begin()->second;
        const auto why = co_await remove_made_region(asker, std::move(removal));
        if (why) kept.push_back(path);
    }
    co_return kept;
}

}  // namespace ivshmemd
