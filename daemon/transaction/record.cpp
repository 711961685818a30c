#include "daemon/transaction/record.h"

#include <algorithm>

#include "daemon/base/log.h"
#include "daemon/detach/detach.h"
#include "daemon/migration/plug_back.h"
#include "daemon/state/changes.h"
#include "daemon/state/migrations.h"
#include "daemon/state/regions.h"
#include "daemon/transaction/run.h"
#include "daemon/vm/vm.h"
#include "lib/change.h"
#include "lib/decide.h"

namespace ivshmemd {
namespace {

using RecordedRun = std::shared_ptr<TransactionRun>;

bool is_made(const Host& host, const DeviceRequest& request) {
    const std::string path = region_path(host.regions.places(), request);
    return created_region(*host.store, path).has_value();
}

ChangeRecord record_of(const Vm& vm, const VmPlan& plan, std::uint64_t number) {
    const VmKey key = vm.key();
    ChangeRecord record{number, key.name, key.uuid, key.run, {}, {}};
    const auto leaves = [&](const std::string& name) {
        return std::find(plan.detach.begin(), plan.detach.end(), name) != plan.detach.end();
    };
    for (const DeviceRequest& each : plan.attach) {
        if (vm.device(each.name) && !leaves(each.name)) continue;
        const bool is_new = !each.server && !is_made(vm.host(), each);
        record.coming.push_back({each.name, is_new});
    }
    for (const std::string& name : plan.detach) {
        const std::optional<Device> device = vm.device(name);
        if (device) record.leaving.push_back(spec_to_repeat(*device));
    }
    return record;
}

awaitable<void> take_out(std::shared_ptr<Vm> vm, ChangeRecord::Coming coming) {
    DetachRequest request;
    request.name = coming.device;
    request.remove_region = coming.region_is_new;
    const DetachProgress silent = [](const std::string&, const std::string&) {};
    const Result<Detached> left = co_await detach(vm, std::move(request), silent);
    if (left) co_return;
    log_warning({vm->name(), ": ", coming.device, " stays: ", left.error().message},
                {{"VM", vm->name()}, {"DEVICE", coming.device}});
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

awaitable<void> undo_one(std::shared_ptr<Vm> vm, ChangeRecord record) {
    const std::shared_ptr<qmp::Session> session = vm->session();
    log_warning({vm->name(), ": a change of several VMs was interrupted; it is undone here"},
                {{"VM", vm->name()}});
    for (const ChangeRecord::Coming& each : record.coming) {
        const bool came = came_by(record, each, vm->device(each.device));
        if (came) co_await take_out(vm, each);
    }
    // The next connection tries again.
    if (vm->session() != session || vm->unavailable()) co_return;
    co_await bring_back(vm, record);
    co_await forget_change_of(*vm->host().store, record.number, vm->key());
}

awaitable<void> undo_all(std::shared_ptr<Vm> vm, std::vector<ChangeRecord> records) {
    co_await forget_ended_changes(*vm->host().store, vm->key());
    // The last one first, should two have been about the same VM.
    for (auto each = records.rbegin(); each != records.rend(); ++each) {
        co_await undo_one(vm, std::move(*each));
    }
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
    co_await forget_change(*run->host.store, run->number);
    run->host.live_changes.erase(run->number);
}

void undo_unfinished(const std::shared_ptr<Vm>& vm) {
    const Host& host = vm->host();
    const bool concerned =
        std::any_of(host.store->get().changes.begin(), host.store->get().changes.end(),
                    [&](const ChangeRecord& each) { return each.vm == vm->name(); });
    if (!concerned) return;
    std::vector<ChangeRecord> records = changes_of(*host.store, vm->key());
    std::erase_if(
        records, [&](const ChangeRecord& each) { return host.live_changes.contains(each.number); });
    vm->spawn("undoing a change", undo_all(vm, std::move(records)));
}

}  // namespace ivshmemd
