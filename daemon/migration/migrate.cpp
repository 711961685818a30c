#include "daemon/migration/migrate.h"

#include "daemon/migration/check.h"
#include "daemon/migration/peers.h"
#include "daemon/migration/socket_place.h"
#include "daemon/migration/steps.h"
#include "daemon/state/migrations.h"
#include "daemon/vm/executor.h"
#include "daemon/vm/migration_watch.h"
#include "daemon/vm/refresh.h"

namespace ivshmemd {
namespace {

// Looks again and refuses what cannot be. MigrationActive, MigrationBlocked and those of the
// destination.
awaitable<Result<void>> check_ready(Migration& migration, MigrationWishes wishes) {
    const std::shared_ptr<Vm>& vm = migration.vm;
    if (!co_await refresh(vm, vm->host().deadlines.query)) {
        co_return silence_error(*vm, "the migration", "undone");
    }
    const Result<MigrationFacts> facts = co_await ask_migration(vm);
    if (!facts) co_return facts.error();
    if (const auto active = migration_active(*vm, Asker::migration)) co_return *active;
    const MigrationVerdict verdict = judge_vm(*vm, *facts);
    const std::vector<Reason> remaining = remaining_reasons(verdict, vm->devices(), wishes);
    if (!remaining.empty()) co_return migration_blocked(vm->name(), verdict, remaining);
    co_return Result<void>();
}

// All that can be found out before anything is touched.
awaitable<Result<void>> prepare_migration(Migration& migration, MigrateRequest request) {
    const std::shared_ptr<Vm>& vm = migration.vm;
    const Result<void> ready = co_await check_ready(migration, request.wishes);
    if (!ready) co_return ready.error();
    const Result<ListenAddress> target = parse_migration_uri(request.uri);
    if (!target) co_return target.error();
    const Result<void> place = co_await check_socket_place(vm, *target, request.wishes.force);
    if (!place) co_return place.error();
    migration.destination = co_await find_destination(vm, *target);
    const std::vector<DeviceSpec> peers = devices_to_take_out(*vm, false);
    const Result<void> returnable = check_can_return(*vm, peers);
    if (!returnable) co_return returnable.error();
    if (migration.destination) {
        const Result<void> fits = co_await check_destination(vm, migration.destination, peers);
        if (!fits) co_return fits.error();
        migration.record.destination = migration.destination->name();
    }
    migration.record.vm = vm->name();
    migration.record.uuid = vm->uuid();
    migration.record.uri = request.uri;
    migration.record.devices = peers;
    // What an earlier one took out goes along: it belongs wherever the VM is.
    for (DeviceSpec& spec :
         missing_devices(*vm->host().store, vm->key(), vm->run_state(), vm->devices())) {
        migration.record.devices.push_back(std::move(spec));
    }
    co_return Result<void>();
}

awaitable<Result<void>> clear_the_way(Migration& migration, MigrateRequest request) {
    migration.record.phase = MigrationPhase::detaching;
    const std::shared_ptr<Vm>& vm = migration.vm;
    co_await begin_record(*vm->host().store, vm->key(), vm->run_state(), migration.record);
    if (request.wishes.detach_peers) {
        const Result<void> out = co_await take_peers_out(migration, request.timeout);
        if (!out) co_return out.error();
    }
    MigrationWishes wishes = request.wishes;
    wishes.detach_peers = false;
    const Result<void> ready = co_await check_ready(migration, wishes);
    if (!ready) co_return ready.error();
    // The destination may have gone, or changed, while the guest took its time.
    if (migration.destination && migration.destination->run_state() == "inmigrate") {
        const std::vector<DeviceSpec> known_to_fit;
        const Result<void> fits =
            co_await check_destination(migration.vm, migration.destination, known_to_fit);
        if (!fits) co_return fits.error();
    }
    co_return co_await start_migration(migration);
}

}  // namespace

awaitable<Result<Migrated>> migrate(std::shared_ptr<Vm> vm, MigrateRequest request,
                                    MigrationProgress progress) {
    if (const auto unavailable = vm->unavailable()) co_return *unavailable;
    if (const auto active = migration_active(*vm)) co_return *active;
    const MigrationMark mark(vm);  // whatever is asked for from now on is refused
    {
        const Turn::Pass pass =
            co_await vm->turn().enter();  // what was asked for before goes first
    }
    if (const auto unavailable = vm->unavailable()) co_return *unavailable;
    Migration migration{vm, {}, std::move(progress), nullptr};
    const Result<void> prepared = co_await prepare_migration(migration, request);
    if (!prepared) co_return prepared.error();
    tell(migration, "to " + request.uri);
    const Result<void> started = co_await clear_the_way(migration, request);
    if (started) co_return co_await see_through(migration);
    Error error = started.error();
    // What a lost connection left is for the next one.
    if (vm->unavailable()) co_return error;
    error.message += co_await undo(migration);
    co_return error;
}

}  // namespace ivshmemd
