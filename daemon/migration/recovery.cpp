#include "daemon/migration/recovery.h"

#include "daemon/base/log.h"
#include "daemon/migration/plug_back.h"
#include "daemon/migration/steps.h"
#include "daemon/state/migrations.h"
#include "daemon/vm/vm.h"

namespace ivshmemd {
namespace {

awaitable<void> resume(Migration migration, [[maybe_unused]] std::shared_ptr<MigrationMark> mark) {
    const std::shared_ptr<Vm>& vm = migration.vm;
    if (migration.record.phase == MigrationPhase::migrating) {
        tell(migration, "going on after a restart");
        const Result<Migrated> ended = co_await see_through(migration);
        if (!ended) log_info({vm->name(), ": ", ended.error().message}, {{"VM", vm->name()}});
        co_return;
    }
    tell(migration, "it was interrupted before it began; the VM stays");
    // A peer the guest was asked for leaves sooner or later: better now, and back again.
    std::erase_if(migration.record.devices, [&](const DeviceSpec& spec) {
        const std::optional<Device> device = vm->device(spec.name);
        return device && device->state == DeviceState::attached;
    });
    const Result<void> out = co_await take_peers_out(migration, Milliseconds(30000));
    if (!out) log_info({vm->name(), ": ", out.error().message}, {{"VM", vm->name()}});
    if (vm->unavailable()) co_return;
    co_await undo(migration);
}

// The run that the last connection's end is failing right now leaves first.
awaitable<void> resume_later(std::shared_ptr<Vm> vm) {
    const std::shared_ptr<qmp::Session> session = vm->session();
    while (vm->migration().claimed() && !vm->stopping()) {
        co_await vm->changed().wait_until(SteadyClock::time_point::max());
    }
    if (vm->session() == session && !vm->unavailable()) resume_migration(vm);
}

}  // namespace

void resume_migration(const std::shared_ptr<Vm>& vm) {
    if (vm->migration().claimed()) {
        vm->spawn("migration", resume_later(vm));
        return;
    }
    std::optional<MigrationRecord> record = migration_record(*vm->host().store, vm->key());
    if (!record || record->phase == MigrationPhase::completed) return;
    if (record->phase == MigrationPhase::held) return;  // see resume_hold()
    if (record->phase == MigrationPhase::replugging) {
        keep_plugging_back(vm);
        return;
    }
    Migration migration{vm, std::move(*record), [](const MigrationStep&) {}, nullptr};
    vm->spawn("migration", resume(std::move(migration), std::make_shared<MigrationMark>(vm)));
}

}  // namespace ivshmemd
