#include "daemon/migration/plug_back.h"

#include <algorithm>
#include <iterator>
#include <set>

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

// Names of those of the record that have left.
std::set<std::string> names_that_left(const Vm& vm) {
    std::set<std::string> names;
    const std::optional<MigrationRecord> record = record_to_undo(vm);
    if (!record) return names;
    for (const DeviceSpec& spec : record->devices) {
        if (!is_leaving(vm, spec.name)) names.insert(spec.name);
    }
    return names;
}

// Whether the record has devices that may yet come back: those that leave, and those that nobody
// has tried to plug in.
bool has_hope(const Vm& vm, const std::set<std::string>& hopeless) {
    const std::optional<MigrationRecord> record = record_to_undo(vm);
    return record &&
           std::any_of(record->devices.begin(), record->devices.end(), [&](const DeviceSpec& spec) {
               return is_leaving(vm, spec.name) || !hopeless.contains(spec.name);
           });
}

bool takes_devices_back(const Vm& vm) {
    return !vm.migration().claimed() && vm.run_state() != "inmigrate" &&
           vm.leaving_doorbell().empty();
}

awaitable<void> plug_back_leavers(std::shared_ptr<Vm> vm) {
    const std::shared_ptr<qmp::Session> session = vm->session();
    const MigrationProgress silent = [](const MigrationStep&) {};
    // What cannot be plugged in now will not be in a moment either.
    std::set<std::string> hopeless;
    while (!vm->stopping() && vm->session() == session && !vm->unavailable()) {
        if (!has_hope(*vm, hopeless)) break;
        const std::set<std::string> ready = names_that_left(*vm);
        const bool anew =
            !std::includes(hopeless.begin(), hopeless.end(), ready.begin(), ready.end());
        if (anew && takes_devices_back(*vm)) {
            co_await plug_back(vm, silent);
            const std::set<std::string> still_out = names_that_left(*vm);
            std::set_intersection(still_out.begin(), still_out.end(), ready.begin(), ready.end(),
                                  std::inserter(hopeless, hopeless.end()));
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
