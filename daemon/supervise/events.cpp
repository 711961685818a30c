#include "daemon/supervise/events.h"

#include <array>

#include "daemon/base/log.h"
#include "daemon/detach/removal.h"
#include "daemon/detach/unplug.h"
#include "daemon/vm/migration_watch.h"
#include "lib/names.h"
#include "proto/qmp/migration.h"
#include "proto/qmp/queries.h"

namespace ivshmemd {
namespace {

// After these the run state may be another one; QEMU says which.
constexpr std::array run_state_events{"STOP",      "RESUME",         "RESET",
                                      "SHUTDOWN",  "SUSPEND",        "WAKEUP",
                                      "MIGRATION", "GUEST_PANICKED", "BLOCK_IO_ERROR"};

std::string path_of(const qmp::Event& event) {
    const std::string* path = as_string(find(event.data.get(), "path"));
    return path ? *path : std::string();
}

// The event may be late and mean an earlier device of the same name: what QOM has now decides.
awaitable<void> finish_if_gone(std::shared_ptr<Vm> vm, InventoryDevice entry) {
    const std::shared_ptr<qmp::Session> session = vm->session();
    if (!session) co_return;
    qmp::Command command = qmp::qom_get(entry.device.qom_path, "type");
    const qmp::Answer answer =
        co_await session->call(std::move(command), vm->host().deadlines.query);
    if (answer.kind == qmp::Answer::Kind::refused) co_await finish_removal(vm, std::move(entry));
}

void device_deleted(const std::shared_ptr<Vm>& vm, const std::string& path) {
    const InventoryDevice* entry = find_by_path(vm->inventory(), path);
    if (entry) {
        spawn(vm->host().executor, "removal of " + path, finish_if_gone(vm, *entry));
        return;
    }
    if (name_of_device_id(path.substr(path.rfind('/') + 1))) {
        // Left before this connection was made; its backend can be deleted from now on.
        spawn(vm->host().executor, "orphans of " + vm->name(), clean_orphans_in_turn(vm));
    }
    // Another kind of device left: which slot that frees, only a reading can tell.
    vm->forget_device(path);
    vm->doubt();
}

void unplug_refused(const std::shared_ptr<Vm>& vm, const std::string& path) {
    const auto removal = vm->removals().find(path);
    if (removal == vm->removals().end()) return;
    removal->second.refusal = "DEVICE_UNPLUG_GUEST_ERROR";
    const InventoryDevice* entry = find_by_path(vm->inventory(), path);
    vm->publish(EventKind::detach_refused, entry ? entry->device.spec.name : path, "");
    vm->changed().notify_all();
}

awaitable<void> ask_run_state(std::shared_ptr<Vm> vm) {
    const std::shared_ptr<qmp::Session> session = vm->session();
    if (!session) co_return;
    qmp::Command command = qmp::query_status();
    const qmp::Answer answer =
        co_await session->call(std::move(command), vm->host().deadlines.query);
    if (vm->session() != session) co_return;
    vm->set_run_state(qmp::read_run_state(answer.get()).value_or(""));
}

// When the event that should follow does not come. Another device of the same name may have come
// and be on its way out by then.
awaitable<void> finish_departed(std::shared_ptr<Vm> vm, InventoryDevice entry) {
    const std::uint64_t departure = vm->departure(entry.device.qom_path);
    co_await vm->sleep_until(SteadyClock::now() + vm->host().deadlines.departed);
    if (vm->departure(entry.device.qom_path) != departure) co_return;
    co_await finish_removal(vm, std::move(entry));
}

}  // namespace

void follow_departures(const std::shared_ptr<Vm>& vm) {
    vm->on_departing = [weak = std::weak_ptr<Vm>(vm)](const InventoryDevice& entry) {
        const auto target = weak.lock();
        if (!target) return;
        spawn(target->host().executor, "departure of " + entry.device.qom_path,
              finish_departed(target, entry));
    };
}

void follow_event(const std::shared_ptr<Vm>& vm, const qmp::Event& event) {
    log_debug({vm->name(), ": event ", printable(event.name)}, {{"VM", vm->name()}});
    if (event.name == "DEVICE_DELETED") {
        device_deleted(vm, path_of(event));
    } else if (event.name == "DEVICE_UNPLUG_GUEST_ERROR") {
        unplug_refused(vm, path_of(event));
    } else {
        if (event.name == "RESET") doubt_removals(vm);
        if (event.name == "MIGRATION") {
            follow_migration_status(*vm, qmp::read_migration_status(event.data.get()));
        }
        for (const char* name : run_state_events) {
            if (event.name != name) continue;
            spawn(vm->host().executor, "run state of " + vm->name(), ask_run_state(vm));
        }
    }
}

}  // namespace ivshmemd
