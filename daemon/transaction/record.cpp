#include "daemon/transaction/record.h"

#include <algorithm>

#include "daemon/base/log.h"
#include "daemon/detach/detach.h"
#include "daemon/detach/removal.h"
#include "daemon/migration/plug_back.h"
#include "daemon/state/changes.h"
#include "daemon/state/migrations.h"
#include "daemon/state/regions.h"
#include "daemon/transaction/run.h"
#include "daemon/vm/refresh.h"
#include "daemon/vm/region_removal.h"
#include "daemon/vm/vm.h"
#include "lib/change.h"

namespace ivshmemd {
namespace {

using RecordedRun = std::shared_ptr<TransactionRun>;

constexpr const char* undoing = "undoing a change";

ChangeRecord record_of(const Vm& vm, const VmPlan& plan, std::uint64_t number) {
    const VmKey key = vm.key();
    ChangeRecord record{number, key.name, key.uuid, key.run, {}, {}};
    const auto leaves = [&](const std::string& name) {
        return std::find(plan.detach.begin(), plan.detach.end(), name) != plan.detach.end();
    };
    for (const DeviceRequest& each : plan.attach) {
        if (!vm.device(each.name) || leaves(each.name)) record.coming.push_back(each.name);
    }
    for (const std::string& name : plan.detach) {
        const std::optional<Device> device = vm.device(name);
        if (device) record.leaving.push_back(spec_to_repeat(*device));
    }
    return record;
}

// Whether the region of a device of ours was made by that change.
bool has_region_of(const Vm& vm, const std::string& device, std::uint64_t change) {
    const Host& host = vm.host();
    const std::optional<Device> there = vm.device(device);
    if (!there || !there->spec.region) return false;
    const std::string path = host.regions.path_of(*there->spec.region);
    const std::vector<CreatedRegion> made = regions_of_change(*host.store, change);
    return std::any_of(made.begin(), made.end(),
                       [&](const CreatedRegion& each) { return each.path == path; });
}

awaitable<void> take_out(std::shared_ptr<Vm> vm, std::string device, std::uint64_t change) {
    DetachRequest request;
    request.name = device;
    request.remove_region = has_region_of(*vm, device, change);
    const DetachProgress silent = [](const std::string&, const std::string&) {};
    const Result<Detached> left = co_await detach(vm, std::move(request), silent);
    if (left) co_return;
    log_warning({vm->name(), ": ", device, " stays: ", left.error().message},
                {{"VM", vm->name()}, {"DEVICE", device}});
}

// As far as nobody uses them: also of devices that did not get so far as to be there. One that
// another VM maps is for that one's undoing. False when another stays: a later connection tries
// again.
awaitable<bool> take_back_regions(std::shared_ptr<Vm> vm, std::uint64_t change) {
    const Host& host = vm->host();
    const std::vector<CreatedRegion> made = regions_of_change(*host.store, change);
    bool settled = true;
    for (const CreatedRegion& each : made) {
        const RegionIdentity file = identity_of(each);
        RegionRemoval removal{each.path, file, "", host.deadlines.region_told, change};
        const auto kept = co_await remove_made_region(vm, std::move(removal));
        const bool has_user = !host.region_users.ask(file, "").mapped.empty();
        settled = settled && (!kept || has_user);
    }
    co_return settled;
}

awaitable<void> bring_back(std::shared_ptr<Vm> vm, const ChangeRecord& record) {
    std::vector<DeviceSpec> missing;
    for (const DeviceSpec& spec : record.leaving) {
        if (has_to_return(spec, vm->device(spec.name))) missing.push_back(spec);
    }
    if (missing.empty()) co_return;
    co_await put_back_later(*vm->host().store, vm->key(), std::move(missing));
    keep_plugging_back(vm);
    vm->changed().notify_all();
}

// What is there is not touched of a QEMU that came later. False when the connection was lost: the
// next one tries again.
awaitable<bool> undo_devices(std::shared_ptr<Vm> vm, ChangeRecord record) {
    if (record.uuid != vm->uuid() || record.run != vm->identity().run) co_return true;
    const std::shared_ptr<qmp::Session> session = vm->session();
    log_warning({vm->name(), ": a change of several VMs was interrupted; it is undone here"},
                {{"VM", vm->name()}});
    for (const std::string& each : record.coming) {
        const bool came = came_by(record, each, vm->device(each));
        if (came) co_await take_out(vm, each, record.number);
    }
    if (vm->session() != session || vm->unavailable()) co_return false;
    co_await bring_back(vm, record);
    co_return true;
}

// What QEMU has of devices that never came maps their regions, until it is deleted.
awaitable<void> clear_leftovers(std::shared_ptr<Vm> vm) {
    const Turn::Pass pass = co_await vm->turn().enter();
    const bool fresh = co_await refresh(vm, vm->host().deadlines.query);
    if (fresh && !vm->unavailable()) co_await clean_orphans(vm);
}

awaitable<void> undo_all(std::shared_ptr<Vm> vm, std::vector<ChangeRecord> records) {
    // The last one first, should two have been about the same VM.
    for (auto each = records.rbegin(); each != records.rend(); ++each) {
        const bool undone = co_await undo_devices(vm, *each);
        if (!undone) co_return;
        co_await note_devices_undone(*vm->host().store, *each);
        co_await clear_leftovers(vm);
        const bool settled = co_await take_back_regions(vm, each->number);
        if (vm->stopping() || !settled) co_return;
        co_await forget_change_in(*vm->host().store, std::move(*each));
    }
}

std::vector<ChangeRecord> unfinished_in(const Vm& vm) {
    const Host& host = vm.host();
    std::vector<ChangeRecord> records = changes_of(*host.store, vm.name());
    std::erase_if(
        records, [&](const ChangeRecord& each) { return host.live_changes.contains(each.number); });
    return records;
}

// A QEMU that is silent may answer again, over this connection.
awaitable<void> await_answers(std::shared_ptr<Vm> vm) {
    const std::shared_ptr<qmp::Session> session = vm->session();
    while (session && vm->session() == session && vm->unavailable() && !vm->stopping()) {
        co_await vm->changed().wait_until(SteadyClock::time_point::max());
    }
}

awaitable<void> undo_by_turns(std::shared_ptr<Vm> vm) {
    do {
        co_await await_answers(vm);
        if (vm->unavailable()) continue;  // the next connection asks for it
        std::vector<ChangeRecord> records = unfinished_in(*vm);
        co_await undo_all(vm, std::move(records));
    } while (vm->chores().again(undoing));
}

}  // namespace

awaitable<void> write_change_down(RecordedRun run) {
    if (run->number == 0) {
        Host& host = run->host;
        run->number = std::max(new_change_number(*host.store), host.last_change + 1);
        host.last_change = run->number;
        host.live_changes.insert(run->number);
        std::vector<ChangeRecord> records;
        for (std::size_t index = 0; index < run->plans->size(); ++index) {
            const std::shared_ptr<Vm> vm = run->vm(index);
            if (vm) records.push_back(record_of(*vm, (*run->plans)[index], run->number));
        }
        co_await remember_change(*host.store, std::move(records));
        run->written_down = true;
        run->ended.notify_all();
    }
    while (!run->written_down) co_await run->ended.wait_until(SteadyClock::time_point::max());
}

awaitable<void> note_unchanged(RecordedRun run, std::shared_ptr<Vm> vm, std::string device) {
    co_await leave_out_of_change(*run->host.store, run->number, vm->name(), std::move(device));
}

awaitable<void> strike_change_out(RecordedRun run) {
    if (run->number == 0) co_return;
    Host& host = run->host;
    co_await end_change(*host.store, run->number, run->left);
    host.live_changes.erase(run->number);
    // One that is connected again by now was told that the change goes on.
    for (const auto& [name, devices] : run->left) {
        const auto vm = host.vms.find(name);
        if (vm != host.vms.end()) undo_unfinished(vm->second);
    }
}

void undo_unfinished(const std::shared_ptr<Vm>& vm) {
    if (unfinished_in(*vm).empty()) return;
    if (vm->chores().begin(undoing)) vm->spawn(undoing, undo_by_turns(vm));
}

}  // namespace ivshmemd
