#include "daemon/supervise/events.h"

#include "daemon/base/log.h"
#include "daemon/detach/drive.h"
#include "daemon/detach/removal.h"
#include "daemon/state/removals.h"
#include "daemon/vm/migration_watch.h"
#include "lib/names.h"
#include "proto/qmp/events.h"
#include "proto/qmp/queries.h"

namespace ivshmemd {
namespace {

// Runs it for as long as it is asked for again meanwhile.
awaitable<void> do_chore(std::shared_ptr<Vm> vm, std::string name,
                         std::function<awaitable<void>()> run) {
    do {
        co_await run();
    } while (vm->chores().again(name));
}

void begin_chore(const std::shared_ptr<Vm>& vm, const std::string& name,
                 std::function<awaitable<void>()> run) {
    if (vm->chores().begin(name)) vm->spawn(name, do_chore(vm, name, std::move(run)));
}

// The event may be late and mean an earlier device of the same name: what QOM has now decides.
void device_deleted(const std::shared_ptr<Vm>& vm, const std::string& path) {
    if (vm->session()) vm->session()->memo().forget(path);
    const bool known = find_by_path(vm->inventory(), path);
    if (known && vm->session()) {
        begin_chore(vm, "removal of " + path,
                    [vm, path] { return finish_if_gone(vm, path, Learnt::by_event); });
        return;
    }
    const bool ours = name_of_device_id(path.substr(path.rfind('/') + 1)).has_value();
    if (ours && vm->session()) {
        // Left before this connection was made; its backend can be deleted from now on.
        begin_chore(vm, "orphans", [vm] { return clean_orphans_in_turn(vm); });
    }
    // Another kind of device left, or this connection is not adopted yet: which slot that frees,
    // only a reading can tell, and one under way may be old.
    vm->overtake();
}

void unplug_refused(const std::shared_ptr<Vm>& vm, const std::string& path) {
    const Departure* departure = vm->departures().find(path);
    if (!departure || departure->phase != Departure::Phase::wanted) return;
    vm->refuse_departure(path, "DEVICE_UNPLUG_GUEST_ERROR");
    const InventoryDevice* entry = find_by_path(vm->inventory(), path);
    vm->publish(EventKind::detach_refused, entry ? entry->device.spec.name : path, "");
    if (!entry || entry->device.origin != Origin::managed) return;
    vm->spawn("refusal", drop_intent(*vm->host().store, vm->key(), entry->device.spec.name));
}

awaitable<void> ask_run_state(std::shared_ptr<Vm> vm) {
    const std::shared_ptr<qmp::Session> session = vm->session();
    if (!session) co_return;
    qmp::Command command = qmp::query_status();
    const qmp::Answer answer =
        co_await session->call(std::move(command), vm->host().deadlines.query);
    if (vm->session() != session) co_return;
    vm->follow_run_state(qmp::read_run_state(answer.get()).value_or(""));
}

void follow_run_state(const std::shared_ptr<Vm>& vm) {
    vm->expire();  // a reading under way may bring the run state of before
    begin_chore(vm, "run state", [vm] { return ask_run_state(vm); });
}

// What each event of a VM leads to.
struct Follower {
    const std::shared_ptr<Vm>& vm;

    void operator()(const qmp::DeviceDeleted& event) const { device_deleted(vm, event.path); }
    void operator()(const qmp::UnplugRefused& event) const { unplug_refused(vm, event.path); }
    void operator()(const qmp::Reset&) const {
        vm->start_departures_over();
        follow_run_state(vm);
    }
    void operator()(const qmp::MigrationChanged& event) const {
        follow_migration_status(*vm, event.status);
        follow_run_state(vm);
    }
    void operator()(const qmp::RunStateMayChange&) const { follow_run_state(vm); }
    void operator()(const qmp::Other&) const {}
};

}  // namespace

void follow_event(const std::shared_ptr<Vm>& vm, const qmp::Event& event) {
    log_debug({vm->name(), ": event ", printable(event.name)}, {{"VM", vm->name()}});
    std::visit(Follower{vm}, qmp::read_event(event));
}

}  // namespace ivshmemd
