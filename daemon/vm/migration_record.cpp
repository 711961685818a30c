#include "daemon/vm/migration_record.h"

#include <algorithm>

namespace ivshmemd {
namespace {

bool left_from(const MigrationRecord& record, const std::string& vm, const std::string& uuid) {
    return record.vm == vm && record.uuid == uuid;
}

// Whether a record that another VM left arrived in this one.
bool arrived_in(const MigrationRecord& record, const Vm& vm) {
    const bool gone = record.phase == MigrationPhase::completed ||
                      record.phase == MigrationPhase::migrating;  // the source died in time
    return gone && vm.run_state() != "inmigrate" &&
           (record.destination == vm.name() ||
            (record.uuid == vm.uuid() && is_real_uuid(record.uuid)));
}

bool stays_in(const MigrationRecord& record, const Vm& vm) {
    return left_from(record, vm.name(), vm.uuid()) && (record.phase == MigrationPhase::completed ||
                                                       record.phase == MigrationPhase::replugging);
}

bool arrived_from_elsewhere(const MigrationRecord& record, const Vm& vm) {
    return record.vm != vm.name() && arrived_in(record, vm);
}

// What is still on its way is not taken over: whoever follows it writes it down again.
bool is_left_over(const MigrationRecord& record, const Vm& vm) {
    return stays_in(record, vm) ||
           (record.phase == MigrationPhase::completed && arrived_from_elsewhere(record, vm));
}

bool has_name(const std::vector<DeviceSpec>& devices, const std::string& name) {
    return std::any_of(devices.begin(), devices.end(),
                       [&](const DeviceSpec& each) { return each.name == name; });
}

// One that the guest still has to let go counts as out while it is to come back.
bool is_awaited(const MigrationRecord& record, const DeviceSpec& spec, const Vm& vm) {
    const std::optional<Device> device = vm.device(spec.name);
    return !device ||
           (record.phase == MigrationPhase::replugging && device->state == DeviceState::detaching);
}

template <class Matches>
std::optional<MigrationRecord> find_record(const Vm& vm, Matches matches) {
    const std::vector<MigrationRecord>& records = vm.host().store->get().migrations;
    const auto found = std::find_if(records.begin(), records.end(), matches);
    if (found == records.end()) return std::nullopt;
    return *found;
}

}  // namespace

bool is_real_uuid(const std::string& uuid) {
    return uuid.find_first_not_of("0-") != std::string::npos;
}

std::optional<MigrationRecord> migration_record(const Vm& vm) {
    return find_record(
        vm, [&](const MigrationRecord& each) { return left_from(each, vm.name(), vm.uuid()); });
}

std::optional<MigrationRecord> record_to_replug(const Vm& vm) {
    auto arrived = find_record(
        vm, [&](const MigrationRecord& each) { return arrived_from_elsewhere(each, vm); });
    if (arrived) return arrived;
    return find_record(vm, [&](const MigrationRecord& each) { return stays_in(each, vm); });
}

std::vector<DeviceSpec> missing_devices(const Vm& vm) {
    std::vector<DeviceSpec> missing;
    for (const MigrationRecord& record : vm.host().store->get().migrations) {
        if (!is_left_over(record, vm)) continue;
        for (const DeviceSpec& spec : record.devices) {
            if (is_awaited(record, spec, vm) && !has_name(missing, spec.name)) {
                missing.push_back(spec);
            }
        }
    }
    return missing;
}

awaitable<void> begin_record(std::shared_ptr<Vm> vm, MigrationRecord record) {
    SavedState state = vm->host().store->get();
    std::erase_if(state.migrations, [&](const MigrationRecord& each) {
        return left_from(each, record.vm, record.uuid) || is_left_over(each, *vm);
    });
    state.migrations.push_back(std::move(record));
    co_await vm->host().store->put(std::move(state));
}

awaitable<void> put_record(Host& host, MigrationRecord record) {
    SavedState state = host.store->get();
    std::erase_if(state.migrations, [&](const MigrationRecord& each) {
        return left_from(each, record.vm, record.uuid);
    });
    state.migrations.push_back(std::move(record));
    co_await host.store->put(std::move(state));
}

awaitable<void> forget_devices(Host& host, std::string vm, std::string uuid,
                               std::set<std::string> names) {
    SavedState state = host.store->get();
    for (MigrationRecord& record : state.migrations) {
        if (!left_from(record, vm, uuid)) continue;
        std::erase_if(record.devices,
                      [&](const DeviceSpec& spec) { return names.contains(spec.name); });
    }
    std::erase_if(state.migrations, [&](const MigrationRecord& record) {
        return left_from(record, vm, uuid) && record.devices.empty();
    });
    co_await host.store->put(std::move(state));
}

}  // namespace ivshmemd
