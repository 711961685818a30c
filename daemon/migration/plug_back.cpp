#include "daemon/migration/plug_back.h"

#include <algorithm>

#include "daemon/attach/attach.h"
#include "daemon/base/log.h"
#include "daemon/state/migrations.h"
#include "daemon/vm/vm.h"

namespace ivshmemd {
namespace {

// Its old slot rather than another one: what the guest knew there comes back there.
awaitable<void> await_rest(std::shared_ptr<Vm> vm, Placement place) {
    for (const VacatedSlot& each : vm->vacated()) {
        if (each.place != place || each.age > slot_rest) continue;
        co_await vm->sleep_until(SteadyClock::now() + slot_rest - each.age);
    }
}

bool is_leaving(const Vm& vm, const std::string& name) {
    const std::optional<Device> device = vm.device(name);
    return device && device->state == DeviceState::detaching;
}

std::optional<MigrationRecord> record_to_undo(const Vm& vm) {
    std::optional<MigrationRecord> record = migration_record(*vm.host().store, vm.key());
    if (record && record->phase != MigrationPhase::replugging) record.reset();
    return record;
}

awaitable<void> plug_back_leavers(std::shared_ptr<Vm> vm) {
    const std::shared_ptr<qmp::Session> session = vm->session();
    const MigrationProgress silent = [](const MigrationStep&) {};
    while (!vm->stopping() && vm->session() == session && !vm->unavailable()) {
        const std::optional<MigrationRecord> record = record_to_undo(*vm);
        if (!record) break;
        const auto ready =
            std::count_if(record->devices.begin(), record->devices.end(),
                          [&](const DeviceSpec& spec) { return !is_leaving(*vm, spec.name); });
        const bool idle = !vm->migration().claimed() && vm->run_state() != "inmigrate" &&
                          vm->leaving_doorbell().empty();
        if (ready > 0 && idle) {
            // What cannot be plugged in now will not be in a moment either.
            const std::vector<std::string> problems = co_await plug_back(vm, silent);
            if (!problems.empty()) break;
            continue;
        }
        co_await vm->changed().wait_until(SteadyClock::time_point::max());
    }
    vm->migration().set_plugging_back(false);
}

}  // namespace

awaitable<Result<Device>> plug_in(std::shared_ptr<Vm> vm, DeviceSpec spec, Asker asker) {
    Placement place{spec.bus, spec.slot};
    co_await await_rest(vm, std::move(place));
    const Result<Attached> attached = co_await attach_again(vm, spec, asker);
    if (!attached) co_return attached.error();
    co_return attached->device;
}

awaitable<std::vector<std::string>> plug_back(std::shared_ptr<Vm> vm, MigrationProgress progress) {
    std::vector<std::string> problems;
    const std::optional<MigrationRecord> record = record_to_undo(*vm);
    if (!record) co_return problems;
    std::set<std::string> settled;
    for (const DeviceSpec& spec : record->devices) {
        if (is_leaving(*vm, spec.name)) continue;
        progress({"replugging", "plugging " + spec.name + " back in", settled.size(),
                  record->devices.size()});
        if (!vm->device(spec.name)) {
            const Result<Device> device = co_await plug_in(vm, spec, Asker::migration);
            if (!device) {
                problems.push_back(spec.name + ": " + device.error().message);
                log_warning({vm->name(), ": cannot plug ", problems.back()}, {{"VM", vm->name()}});
                continue;
            }
            log_info({vm->name(), ": ", spec.name, " is back"}, {{"VM", vm->name()}});
        }
        settled.insert(spec.name);
    }
    co_await forget_devices(*vm->host().store, record->vm, record->uuid, settled);
    co_return problems;
}

void keep_plugging_back(const std::shared_ptr<Vm>& vm) {
    if (vm->migration().plugging_back() || !record_to_undo(*vm)) return;
    vm->migration().set_plugging_back(true);
    vm->spawn("plugging back", plug_back_leavers(vm));
}

}  // namespace ivshmemd
