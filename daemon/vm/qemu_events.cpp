#include "daemon/vm/qemu_events.h"

#include <spdlog/spdlog.h>

#include <array>

#include "daemon/vm/removal.h"
#include "lib/names.h"
#include "proto/qmp/queries.h"

namespace ivshmemd {
namespace {

// After these the run state may be another one; QEMU says which.
constexpr std::array run_state_events{"STOP",        "RESUME",  "RESET",   "SHUTDOWN",
                                      "SUSPEND",     "WAKEUP",  "MIGRATION", "GUEST_PANICKED",
                                      "BLOCK_IO_ERROR"};

std::string path_of(const qmp::Event& event) {
    const std::string* path = as_string(find(event.data.get(), "path"));
    return path ? *path : std::string();
}

void device_deleted(const std::shared_ptr<Vm>& vm, const std::string& path) {
    const InventoryDevice* entry = find_by_path(vm->inventory(), path);
    if (entry) {
        spawn(vm->host().executor, "removal of " + path, finish_removal(vm, *entry));
        return;
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
    qmp::Command command("query-status");
    const qmp::Answer answer =
        co_await session->call(std::move(command), vm->host().deadlines.query);
    if (vm->session() != session) co_return;
    vm->set_run_state(qmp::read_run_state(answer.get()).value_or(""));
}

}  // namespace

void follow_event(const std::shared_ptr<Vm>& vm, const qmp::Event& event) {
    spdlog::debug("{}: event {}", vm->name(), printable(event.name));
    if (event.name == "DEVICE_DELETED") {
        device_deleted(vm, path_of(event));
    } else if (event.name == "DEVICE_UNPLUG_GUEST_ERROR") {
        unplug_refused(vm, path_of(event));
    } else {
        for (const char* name : run_state_events) {
            if (event.name != name) continue;
            spawn(vm->host().executor, "run state of " + vm->name(), ask_run_state(vm));
        }
    }
}

}  // namespace ivshmemd
