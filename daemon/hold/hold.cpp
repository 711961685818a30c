#include "daemon/hold/hold.h"

#include <algorithm>
#include <iterator>

#include "daemon/base/log.h"
#include "daemon/migration/check.h"
#include "daemon/migration/peers.h"
#include "daemon/migration/steps.h"
#include "daemon/state/migrations.h"
#include "daemon/vm/executor.h"
#include "daemon/vm/migration_watch.h"
#include "daemon/vm/refresh.h"
#include "lib/run_state.h"

namespace ivshmemd {
namespace {

std::string names_of(const std::vector<DeviceSpec>& devices) {
    std::string names;
    for (const DeviceSpec& each : devices) names += (names.empty() ? "" : ", ") + each.name;
    return names;
}

// Devices that would be in the client's way and cannot be taken out. What else QEMU may have
// against a migration is the client's affair, who perhaps wants none.
Result<void> check_none_stays(const Vm& vm, const MigrationFacts& facts) {
    const MigrationVerdict verdict = judge_vm(vm, facts);
    MigrationWishes wishes;
    wishes.detach_peers = true;
    wishes.force = true;
    std::vector<Reason> remaining = remaining_reasons(verdict, vm.devices(), wishes);
    std::erase_if(remaining, [](const Reason& reason) { return !reason.device; });
    if (remaining.empty()) return {};
    return migration_blocked(vm.name(), verdict, remaining);
}

// Looks again and refuses what cannot be.
awaitable<Result<MigrationFacts>> prepare(Migration& migration) {
    const std::shared_ptr<Vm>& vm = migration.vm;
    if (!co_await refresh(vm, vm->host().deadlines.query)) {
        co_return silence_error(*vm, "the hold", "undone");
    }
    Result<MigrationFacts> facts = co_await ask_migration(vm);
    if (!facts) co_return facts.error();
    if (const auto active = migration_active(*vm, Asker::migration)) co_return *active;
    const Result<void> state = allowed(Operation::detach, vm->name(), vm->run_state(), Role::peer);
    if (!state) co_return state.error();
    const Result<void> none_stays = check_none_stays(*vm, *facts);
    if (!none_stays) co_return none_stays.error();
    migration.record.vm = vm->name();
    migration.record.uuid = vm->uuid();
    migration.record.devices = devices_to_take_out(*vm, migration.masters);
    const Result<void> returnable = check_can_return(*vm, migration.record.devices);
    if (!returnable) co_return returnable.error();
    std::vector<DeviceSpec> missing =
        missing_devices(*vm->host().store, vm->key(), vm->run_state(), vm->devices());
    std::move(missing.begin(), missing.end(), std::back_inserter(migration.record.devices));
    co_return std::move(*facts);
}

// Whether to mind that is the client's affair, who perhaps wants no migration.
void note_warnings(const Migration& migration, const MigrationFacts& facts, Hold& hold) {
    hold.warnings = judge_vm(*migration.vm, facts).reasons;
    std::erase_if(hold.warnings,
                  [](const Reason& reason) { return reason.severity != Severity::warns; });
    for (const Reason& reason : hold.warnings) {
        const std::string device = reason.device ? *reason.device + ": " : "";
        tell(migration, "can-migrate warns: " + device + reason.text);
    }
}

awaitable<Result<void>> take_out(Migration& migration, Hold& hold, Milliseconds timeout) {
    const std::shared_ptr<Vm>& vm = migration.vm;
    hold.devices = migration.record.devices;
    migration.record.phase = MigrationPhase::detaching;
    tell(migration, "taking out for a client: " + names_of(hold.devices));
    co_await begin_record(*vm->host().store, vm->key(), vm->run_state(), migration.record);
    const Result<void> out = co_await take_peers_out(migration, timeout);
    if (!out) co_return out.error();
    co_await enter_phase(migration, MigrationPhase::held);
    co_return Result<void>();
}

awaitable<Result<void>> take_all_or_none(Migration& migration, Hold& hold, Milliseconds timeout) {
    const std::shared_ptr<Vm>& vm = migration.vm;
    {
        const Turn::Pass pass = co_await vm->turn().enter();  // what was asked for before
    }
    if (const auto unavailable = vm->unavailable()) co_return *unavailable;
    const Result<MigrationFacts> facts = co_await prepare(migration);
    if (!facts) co_return facts.error();
    const Result<void> out = co_await take_out(migration, hold, timeout);
    if (out) {
        note_warnings(migration, *facts, hold);
        co_return Result<void>();
    }
    Error error = out.error();
    // What a lost connection left is for the next one.
    if (!vm->unavailable()) error.message += co_await undo(migration);
    co_return error;
}

// Should anything escape the taking, nobody holds the VM.
class Taking {
  public:
    Taking(Host& host, std::string name, std::shared_ptr<Hold> hold)
        : host_(host), name_(std::move(name)), hold_(std::move(hold)) {
        host_.holds[name_] = hold_;
    }
    Taking(const Taking&) = delete;
    Taking& operator=(const Taking&) = delete;
    ~Taking() {
        if (hold_->story.phase() == HoldPhase::taking) hold_->story.on(HoldEvent::failed);
        if (hold_->story.over()) forget_hold(host_, name_, *hold_);
    }

  private:
    Host& host_;
    std::string name_;
    std::shared_ptr<Hold> hold_;
};

}  // namespace

awaitable<Result<void>> take_hold(std::shared_ptr<Vm> vm, std::shared_ptr<Hold> hold,
                                  HoldRequest request, MigrationProgress progress) {
    if (const auto unavailable = vm->unavailable()) co_return *unavailable;
    if (const auto active = migration_active(*vm)) co_return *active;
    auto mark = std::make_shared<MigrationMark>(vm);
    const Taking taking(vm->host(), vm->name(), hold);
    Migration migration{vm, {}, std::move(progress), nullptr};
    migration.masters = request.masters;
    const Result<void> out = co_await take_all_or_none(migration, *hold, request.timeout);
    if (!out) co_return out.error();
    hold->story.on(HoldEvent::taken);
    tell(migration, "held for a client");
    migration.progress = [](const MigrationStep&) {};
    vm->spawn("hold", keep_hold(std::move(migration), hold, std::move(mark)));
    co_return Result<void>();
}

}  // namespace ivshmemd
