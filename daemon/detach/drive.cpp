#include "daemon/detach/drive.h"

#include "daemon/detach/removal.h"
#include "daemon/detach/unplug.h"
#include "daemon/vm/migration_watch.h"
#include "daemon/vm/vm.h"
#include "proto/qmp/queries.h"

namespace ivshmemd {
namespace {

using Next = Departures::Next;

bool may_ask(const Vm& vm) {
    return !vm.unavailable() && vm.run_state() == "running" && !is_migrating(vm);
}

bool is_wanted(const Vm& vm, const std::string& path) {
    const Departure* departure = vm.departures().find(path);
    return departure && departure->phase == Departure::Phase::wanted;
}

// An attach that holds the turn holds this up, and no other device's departure.
awaitable<void> ask_in_turn(std::shared_ptr<Vm> vm, std::string path) {
    const std::shared_ptr<qmp::Session> session = vm->session();
    const Turn::Pass pass = co_await vm->turn().enter();
    const InventoryDevice* entry = find_by_path(vm->inventory(), path);
    if (vm->session() != session || !entry || !is_wanted(*vm, path) || !may_ask(*vm)) {
        vm->answered(path);
        co_return;
    }
    InventoryDevice device = *entry;
    co_await ask_guest(vm, std::move(device), Asking::again);  // files what came of it
}

awaitable<void> look(std::shared_ptr<Vm> vm, std::string path) {
    co_await finish_if_gone(vm, path, Learnt::by_reading);
    vm->look_again(path);
}

}  // namespace

awaitable<void> finish_if_gone(std::shared_ptr<Vm> vm, std::string path, Learnt learnt) {
    const std::shared_ptr<qmp::Session> session = vm->session();
    if (!session) co_return;
    qmp::Command command = qmp::qom_get(path, "type");
    const qmp::Answer answer =
        co_await session->call(std::move(command), vm->host().deadlines.query);
    const InventoryDevice* entry = find_by_path(vm->inventory(), path);
    if (!entry || answer.ok()) co_return;
    if (answer.kind != qmp::Answer::Kind::refused) {
        if (vm->session() == session) vm->heard_gone(path);
        co_return;
    }
    const Departure* departure = vm->departures().find(path);
    const bool awaited = departure && departure->awaited && learnt == Learnt::by_event;
    if (!vm->clear_away(path)) co_return;
    InventoryDevice device = *entry;
    const std::string kept = co_await clear_away(vm, std::move(device));
    // Nobody is told that it stays. QEMU may let go of it late, and after a lost connection other
    // VMs may have to tell first.
    if (!kept.empty() && !awaited) {
        vm->spawn("removal of region " + kept, remove_region_later(vm, kept));
    }
}

awaitable<void> drive_departures(std::shared_ptr<Vm> vm) {
    const std::shared_ptr<qmp::Session> session = vm->session();
    while (session && vm->session() == session && !vm->stopping()) {
        const Next next = vm->departures().next(SteadyClock::now(), may_ask(*vm));
        switch (next.what) {
            case Next::What::nothing:
                co_await vm->changed().wait_until(next.until);
                break;
            case Next::What::ask:
                vm->asking(next.path);
                vm->spawn("removal of " + next.path, ask_in_turn(vm, next.path));
                break;
            case Next::What::look:
                vm->look_again(next.path);
                vm->spawn("departure of " + next.path, look(vm, next.path));
                break;
        }
    }
}

}  // namespace ivshmemd
