#include "daemon/state/migrations.h"

#include <algorithm>

namespace ivshmemd {
namespace {

// A VM as its migrations see it.
struct Here {
    const VmKey& vm;
    const std::string& run_state;
};

bool left_from(const MigrationRecord& record, const std::string& vm, const std::string& uuid) {
    return record.vm == vm && record.uuid == uuid;
}

// Whether a record that another VM left arrived in this one.
bool arrived_in(const MigrationRecord& record, const Here& here) {
    const bool gone = record.phase == MigrationPhase::completed ||
                      record.phase == MigrationPhase::migrating ||  // the source died in time
                      record.phase == MigrationPhase::held;
    return gone && here.run_state != "inmigrate" &&
           (record.destination == here.vm.name ||
            (record.uuid == here.vm.uuid && is_real_uuid(record.uuid)));
}

bool stays_in(const MigrationRecord& record, const Here& here) {
    return left_from(record, here.vm.name, here.vm.uuid) &&
           (record.phase == MigrationPhase::completed ||
            record.phase == MigrationPhase::replugging);
}

bool arrived_from_elsewhere(const MigrationRecord& record, const Here& here) {
    return record.vm != here.vm.name && arrived_in(record, here);
}

// What is still on its way is not taken over: whoever follows it writes it down again.
bool is_left_over(const MigrationRecord& record, const Here& here) {
    return stays_in(record, here) ||
           (record.phase == MigrationPhase::completed && arrived_from_elsewhere(record, here));
}

bool has_name(const std::vector<DeviceSpec>& devices, const std::string& name) {
    return std::any_of(devices.begin(), devices.end(),
                       [&](const DeviceSpec& each) { return each.name == name; });
}

// One that the guest still has to let go counts as out while it is to come back.
bool is_awaited(const MigrationRecord& record, const DeviceSpec& spec,
                const std::vector<Device>& devices) {
    const auto device = std::find_if(devices.begin(), devices.end(), [&](const Device& each) {
        return each.origin == Origin::managed && each.state != DeviceState::leaked &&
               each.state != DeviceState::attaching && each.spec.name == spec.name;
    });
    return device == devices.end() ||
           (record.phase == MigrationPhase::replugging && device->state == DeviceState::detaching);
}

template <class Matches>
std::optional<MigrationRecord> find_record(const StateStore& store, Matches matches) {
    const std::vector<MigrationRecord>& records = store.get().migrations;
    const auto found = std::find_if(records.begin(), records.end(), matches);
    if (found == records.end()) return std::nullopt;
    return *found;
}

}  // namespace

std::optional<MigrationRecord> migration_record(const StateStore& store, const VmKey& vm) {
    return find_record(
        store, [&](const MigrationRecord& each) { return left_from(each, vm.name, vm.uuid); });
}

std::optional<MigrationRecord> record_to_replug(const StateStore& store, const VmKey& vm,
                                                const std::string& run_state) {
    const Here here{vm, run_state};
    auto arrived = find_record(
        store, [&](const MigrationRecord& each) { return arrived_from_elsewhere(each, here); });
    if (arrived) return arrived;
    return find_record(store, [&](const MigrationRecord& each) { return stays_in(each, here); });
}

std::vector<DeviceSpec> missing_devices(const StateStore& store, const VmKey& vm,
                                        const std::string& run_state,
                                        const std::vector<Device>& devices) {
    std::vector<DeviceSpec> missing;
    for (const MigrationRecord& record : store.get().migrations) {
        if (!is_left_over(record, {vm, run_state})) continue;
        for (const DeviceSpec& spec : record.devices) {
            if (is_awaited(record, spec, devices) && !has_name(missing, spec.name)) {
                missing.push_back(spec);
            }
        }
    }
    return missing;
}

awaitable<void> begin_record(StateStore& store, VmKey vm, std::string run_state,
                             MigrationRecord record) {
    const StateStore::Edit edit = [&](SavedState& state) {
        return replace_record(state.migrations, record, [&](const MigrationRecord& each) {
            return left_from(each, record.vm, record.uuid) || is_left_over(each, {vm, run_state});
        });
    };
    co_await store.change(edit);
}

awaitable<void> put_record(StateStore& store, MigrationRecord record) {
    const StateStore::Edit edit = [&](SavedState& state) {
        return replace_record(state.migrations, record, [&](const MigrationRecord& each) {
            return left_from(each, record.vm, record.uuid);
        });
    };
    co_await store.change(edit);
}

awaitable<void> put_back_later(StateStore& store, VmKey vm, std::vector<DeviceSpec> devices) {
    MigrationRecord record{vm.name, vm.uuid, MigrationPhase::replugging, "", "", false, {}};
    if (const auto known = migration_record(store, vm)) record = *known;
    // A migration or a hold that goes on brings back what is in its record.
    if (record.phase == MigrationPhase::completed) {
        record.phase = MigrationPhase::replugging;
        record.uri.clear();
        record.destination.clear();
    }
    for (DeviceSpec& spec : devices) {
        if (!has_name(record.devices, spec.name)) record.devices.push_back(std::move(spec));
    }
    co_await put_record(store, std::move(record));
}

awaitable<void> drop_record(StateStore& store, std::string vm, std::string uuid) {
    const StateStore::Edit edit = [&](SavedState& state) {
        return std::erase_if(state.migrations, [&](const MigrationRecord& each) {
                   return left_from(each, vm, uuid);
               }) > 0;
    };
    co_await store.change(edit);
}

awaitable<void> forget_devices(StateStore& store, std::string vm, std::string uuid,
                               std::set<std::string> names) {
    const StateStore::Edit edit = [&](SavedState& state) {
        std::size_t forgotten = 0;
        for (MigrationRecord& record : state.migrations) {
            if (!left_from(record, vm, uuid)) continue;
            forgotten += std::erase_if(
                record.devices, [&](const DeviceSpec& spec) { return names.contains(spec.name); });
        }
        const std::size_t dropped =
            std::erase_if(state.migrations, [&](const MigrationRecord& record) {
                return left_from(record, vm, uuid) && record.devices.empty();
            });
        return forgotten + dropped > 0;
    };
    co_await store.change(edit);
}

}  // namespace ivshmemd
