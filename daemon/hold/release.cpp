#include "daemon/base/async.h"
#include "daemon/hold/hold.h"
#include "daemon/migration/steps.h"
#include "daemon/state/migrations.h"
#include "daemon/vm/migration_watch.h"

namespace ivshmemd {
namespace {

std::shared_ptr<Vm> vm_called(const Host& host, const std::string& name) {
    const auto found = host.vms.find(name);
    return found == host.vms.end() ? nullptr : found->second;
}

void start_keeping(const std::shared_ptr<Vm>& vm, MigrationRecord record,
                   const std::shared_ptr<Hold>& hold) {
    Migration migration{vm, std::move(record), [](const MigrationStep&) {}, nullptr};
    auto mark = std::make_shared<MigrationMark>(vm);
    vm->host().holds[vm->name()] = hold;
    vm->spawn("hold", keep_hold(std::move(migration), hold, std::move(mark)));
}

std::optional<MigrationRecord> held_record(const Host& host, const std::string& name) {
    for (const MigrationRecord& each : host.store->get().migrations) {
        if (each.vm == name && each.phase == MigrationPhase::held) return each;
    }
    return std::nullopt;
}

// Its VM is no longer looked after: what is out stays so until replug.
awaitable<void> settle_without_vm(Host& host, std::string name, std::shared_ptr<Hold> hold) {
    std::optional<MigrationRecord> record = held_record(host, name);
    if (record) {
        record->phase = MigrationPhase::completed;
        co_await put_record(*host.store, std::move(*record));
    }
    forget_hold(host, name, *hold);
}

Error stopping_first(const std::string& name) {
    return Error(
        ErrorKind::vm_unavailable,
        "ivshmemd is stopping; what is out of VM " + name + " comes back when it runs again",
        {{"state", std::string("unreachable")}});
}

}  // namespace

void forget_hold(Host& host, const std::string& name, Hold& hold) {
    hold.settled = true;
    const auto found = host.holds.find(name);
    if (found != host.holds.end() && found->second.get() == &hold) host.holds.erase(found);
}

void end_hold(Host& host, const std::string& name, const std::shared_ptr<Hold>& hold) {
    hold->story.on(HoldEvent::ended);
    if (hold->settled) return;
    const std::shared_ptr<Vm> vm = vm_called(host, name);
    if (vm) {
        std::optional<MigrationRecord> record = held_record(host, name);
        // It was away, and is not connected yet.
        if (record && !vm->migration().claimed()) start_keeping(vm, std::move(*record), hold);
        vm->changed().notify_all();
        return;
    }
    hold->story.on(HoldEvent::gone);
    spawn(host.executor, "hold of " + name, settle_without_vm(host, name, hold));
}

awaitable<Result<void>> release_hold(Host& host, std::string name, std::shared_ptr<Hold> hold,
                                     MigrationProgress progress) {
    const std::shared_ptr<Vm> vm = vm_called(host, name);
    if (!vm) {
        hold->story.on(HoldEvent::ended);
        hold->story.on(HoldEvent::gone);
        co_await settle_without_vm(host, std::move(name), hold);
        co_return Result<void>();
    }
    end_hold(host, name, hold);
    std::string told;
    while (!hold->settled) {
        if (vm->stopping() && vm_called(host, name) == vm) co_return stopping_first(name);
        if (hold->doing != told) {
            told = hold->doing;
            progress({"releasing", told, {}, {}});
        }
        co_await vm->changed().wait_until(SteadyClock::time_point::max());
    }
    co_return Result<void>();
}

void resume_hold(const std::shared_ptr<Vm>& vm) {
    if (vm->migration().claimed()) return;  // it goes on
    std::optional<MigrationRecord> record = migration_record(*vm->host().store, vm->key());
    if (!record || record->phase != MigrationPhase::held) return;
    const auto live = vm->host().holds.find(vm->name());
    if (live != vm->host().holds.end()) {
        const std::shared_ptr<Hold> hold = live->second;
        start_keeping(vm, std::move(*record), hold);
        return;
    }
    const auto hold = std::make_shared<Hold>();
    hold->story.on(HoldEvent::taken);
    hold->story.on(HoldEvent::ended);
    hold->devices = record->devices;
    vm->publish(EventKind::migration, std::nullopt, "the client that held the VM is gone");
    start_keeping(vm, std::move(*record), hold);
}

}  // namespace ivshmemd
