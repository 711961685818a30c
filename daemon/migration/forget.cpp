#include "daemon/migration/forget.h"

#include "daemon/base/log.h"
#include "daemon/host.h"
#include "daemon/state/migrations.h"
#include "daemon/vm/migration_watch.h"

namespace ivshmemd {
namespace {

std::shared_ptr<Vm> vm_of_plan(const Host& host, const std::string& name) {
    const auto found = host.vms.find(name);
    return found == host.vms.end() ? nullptr : found->second;
}

// Those of the VM itself, and one of another that has arrived in it.
std::vector<MigrationRecord> records_about(const Host& host, const std::string& name) {
    std::vector<MigrationRecord> records;
    for (const MigrationRecord& each : host.store->get().migrations) {
        if (each.vm == name) records.push_back(each);
    }
    const std::shared_ptr<Vm> vm = vm_of_plan(host, name);
    if (!vm || !vm->session()) return records;
    const auto arrived = record_to_replug(*host.store, vm->key(), vm->run_state());
    if (arrived && arrived->vm != name) records.push_back(*arrived);
    return records;
}

// Whether somebody still goes by the record.
bool is_in_use(const Host& host, const MigrationRecord& record) {
    const std::shared_ptr<Vm> vm = vm_of_plan(host, record.vm);
    return host.holds.contains(record.vm) || (vm && vm->migration().claimed());
}

Error still_in_use(const std::string& vm) {
    return Error(ErrorKind::operation_in_progress,
                 "a migration of VM " + vm +
                     " goes on, or a client holds it: what is out of it comes back, and can be "
                     "given up only when it does not");
}

std::string names_in_words(const std::vector<DeviceSpec>& devices) {
    std::string names;
    for (const DeviceSpec& each : devices) names += (names.empty() ? "" : ", ") + each.name;
    return names;
}

}  // namespace

awaitable<Result<std::vector<DeviceSpec>>> forget_what_is_out(Host& host, std::string name,
                                                              std::optional<std::string> uuid) {
    std::vector<MigrationRecord> records = records_about(host, name);
    const bool known = !records.empty() || vm_of_plan(host, name);
    std::erase_if(records, [&](const MigrationRecord& each) { return uuid && each.uuid != *uuid; });
    if (!known) {
        co_return Error(ErrorKind::no_such_vm,
                        "no VM is named '" + name +
                            "', and nothing is out of one that was; 'ivshmemctl list' tells what "
                            "is out");
    }
    for (const MigrationRecord& each : records) {
        if (is_in_use(host, each)) co_return still_in_use(each.vm);
    }
    std::vector<DeviceSpec> forgotten;
    for (const MigrationRecord& each : records) {
        forgotten.insert(forgotten.end(), each.devices.begin(), each.devices.end());
        co_await drop_record(*host.store, each.vm, each.uuid);
        log_info({each.vm, ": given up, and not plugged in again: ", names_in_words(each.devices)},
                 {{"VM", each.vm}});
        // What waits for a guest to let go need wait no longer.
        if (const std::shared_ptr<Vm> vm = vm_of_plan(host, each.vm)) vm->changed().notify_all();
    }
    co_return forgotten;
}

}  // namespace ivshmemd
