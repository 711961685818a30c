#include <algorithm>

#include "daemon/base/log.h"
#include "daemon/hold/hold.h"
#include "daemon/migration/follow.h"
#include "daemon/migration/plug_back.h"
#include "daemon/migration/steps.h"
#include "daemon/state/migrations.h"
#include "daemon/vm/migration_watch.h"

namespace ivshmemd {
namespace {

// A hold under way.
struct Keeping {
    Migration migration;
    std::shared_ptr<Hold> hold;
    SteadyClock::time_point give_up = SteadyClock::time_point::max();  // on a VM that went away

    const std::shared_ptr<Vm>& vm() const { return migration.vm; }
};

void say(const Keeping& keeping, const std::string& doing) {
    if (keeping.hold->doing == doing) return;
    keeping.hold->doing = doing;
    tell(keeping.migration, doing);
    keeping.vm()->changed().notify_all();
}

// Of what is out, some may have been plugged in meanwhile where the VM arrived.
awaitable<void> write_phase(Keeping& keeping, MigrationPhase phase) {
    MigrationRecord& record = keeping.migration.record;
    const VmKey vm(record.vm, record.uuid, "");
    const std::optional<MigrationRecord> known = migration_record(*keeping.vm()->host().store, vm);
    record.devices = known ? known->devices : std::vector<DeviceSpec>();
    co_await enter_phase(keeping.migration, phase);
}

awaitable<HoldLook> look_at_vm(Keeping& keeping) {
    const std::shared_ptr<Vm>& vm = keeping.vm();
    HoldLook look;
    look.connected = vm->session() && !vm->session()->cause();
    if (!look.connected) {
        const SteadyClock::time_point now = SteadyClock::now();
        if (keeping.give_up == SteadyClock::time_point::max()) {
            keeping.give_up = now + vm->host().deadlines.migration_lost;
        }
        look.given_up = now >= keeping.give_up;
        co_return look;
    }
    keeping.give_up = SteadyClock::time_point::max();
    look.same_vm = vm->uuid() == keeping.migration.record.uuid;
    if (vm->state() == VmState::unresponsive) co_return look;  // it was asked already
    const std::optional<MigrationLook> seen = co_await look_at_migration(vm);
    look.answers = seen.has_value();
    if (!seen) co_return look;
    look.run_state = seen->run_state;
    look.status = seen->facts.status;
    co_return look;
}

awaitable<void> wait_for_more(Keeping& keeping, const HoldLook& look) {
    const std::shared_ptr<Vm>& vm = keeping.vm();
    SteadyClock::time_point until = SteadyClock::now() + vm->host().deadlines.migration_poll;
    // Of a QEMU that is silent, an answer or the connection's end will tell.
    if (vm->state() == VmState::unresponsive) until = SteadyClock::time_point::max();
    if (!look.connected) until = keeping.give_up;
    co_await vm->changed().wait_until(until);
}

// Until nothing goes on with the VM any more, or it is gone.
awaitable<void> look_once(Keeping& keeping) {
    const HoldLook look = co_await look_at_vm(keeping);
    const HoldEvent event = judge_look(look);
    if (event == HoldEvent::busy) {
        say(keeping, why_busy(look) + "; what was taken out comes back when that is over");
        co_await wait_for_more(keeping, look);
        co_return;
    }
    keeping.hold->story.on(event);
}

// The daemon goes on without looking after it: its QEMU's socket has gone, most likely.
bool is_dropped(const Vm& vm) {
    const auto found = vm.host().vms.find(vm.name());
    return vm.stopping() && (found == vm.host().vms.end() || found->second.get() != &vm);
}

// What could not be plugged in may be because the VM has begun to migrate, or left: then later.
awaitable<void> bring_back(Keeping& keeping) {
    const std::shared_ptr<Vm>& vm = keeping.vm();
    say(keeping, "plugging in again what was taken out");
    co_await write_phase(keeping, MigrationPhase::replugging);
    const MigrationProgress silent = [](const MigrationStep&) {};
    keeping.hold->problems = co_await plug_back(vm, silent);
    HoldEvent event = HoldEvent::returned;
    if (!keeping.hold->problems.empty()) {
        const HoldLook look = co_await look_at_vm(keeping);
        event = judge_look(look);
        if (event == HoldEvent::idle) event = HoldEvent::returned;
    }
    if (event == HoldEvent::busy) co_await write_phase(keeping, MigrationPhase::held);
    keeping.hold->story.on(event);
}

awaitable<void> conclude(Keeping& keeping) {
    const std::shared_ptr<Vm>& vm = keeping.vm();
    const MigrationRecord& record = keeping.migration.record;
    std::string text = "over; what was taken out is back";
    if (keeping.hold->story.phase() == HoldPhase::left) {
        co_await write_phase(keeping, MigrationPhase::completed);
        text = "the VM has left; 'ivshmemctl replug " + vm->name() +
               "' plugs in what was taken out, should it come back";
    } else if (!keeping.hold->problems.empty()) {
        text = "not plugged back: " + keeping.hold->problems.front();
    }
    const std::set<std::string> none;  // an empty record goes
    co_await forget_devices(*vm->host().store, record.vm, record.uuid, none);
    forget_hold(vm->host(), vm->name(), *keeping.hold);
    tell(keeping.migration, text);
    vm->changed().notify_all();
}

}  // namespace

awaitable<void> keep_hold(Migration migration, std::shared_ptr<Hold> hold,
                          [[maybe_unused]] std::shared_ptr<MigrationMark> mark) {
    Keeping keeping{std::move(migration), std::move(hold)};
    const std::shared_ptr<Vm>& vm = keeping.vm();
    // A daemon that stops leaves the rest to the next one.
    while (!keeping.hold->story.over() && !vm->stopping()) {
        switch (keeping.hold->story.phase()) {
            case HoldPhase::waiting:
                co_await look_once(keeping);
                break;
            case HoldPhase::returning:
                co_await bring_back(keeping);
                break;
            default:
                co_await vm->changed().wait_until(SteadyClock::time_point::max());
        }
    }
    if (is_dropped(*vm)) keeping.hold->story.on(HoldEvent::gone);
    if (keeping.hold->story.over()) co_await conclude(keeping);
}

}  // namespace ivshmemd
