#include "daemon/detach/detach.h"

#include "daemon/detach/parking.h"
#include "daemon/detach/removal.h"
#include "daemon/detach/unplug.h"
#include "daemon/state/declared.h"
#include "daemon/state/migrations.h"
#include "daemon/state/removals.h"
#include "daemon/vm/executor.h"
#include "daemon/vm/migration_watch.h"
#include "daemon/vm/refresh.h"
#include "daemon/vm/vm.h"
#include "lib/names.h"
#include "lib/run_state.h"

namespace ivshmemd {
namespace {

// A removal that takes longer is written down, for the daemon that may have to go on waiting for
// it.
constexpr Milliseconds quick_removal{1000};

// What one wait is about.
struct Wait {
    std::shared_ptr<Vm> vm;
    std::shared_ptr<qmp::Session> session;
    InventoryDevice entry;
    SteadyClock::time_point deadline;
    std::uint64_t number = 0;  // of the departure

    const std::string& path() const { return entry.device.qom_path; }
    std::string what() const { return "the detach of " + entry.device.spec.name; }
};

const InventoryDevice* find_target(const Vm& vm, const DetachRequest& request) {
    if (request.qom_path) return find_by_path(vm.inventory(), *request.qom_path);
    return find_managed(vm.inventory(), request.name);
}

Error no_such_device(const Vm& vm, const DetachRequest& request) {
    return Error(ErrorKind::no_such_device,
                 "VM " + vm.name() + " has no device " +
                     printable(request.qom_path.value_or(request.name)) +
                     (request.qom_path ? "" : " of ours; others are named by --qom-path"));
}

// A leaked backend is all that is left of its device; deleting it may work by now.
awaitable<Result<Detached>> detach_leaked(std::shared_ptr<Vm> vm, DetachRequest request) {
    std::vector<std::string> left;
    bool found = false;
    for (const std::string& id : orphan_backends(vm->inventory())) {
        if (name_of_backend_id(id) != request.name) continue;
        found = true;
        if (!co_await delete_backend(vm, id, request.name)) left.push_back(id);
    }
    if (!found) co_return no_such_device(*vm, request);
    if (left.empty()) co_return Detached::removed;
    co_return qemu_error(DelBackend{left.front()}, {{}, "GenericError", "the backend is in use"},
                         left, vm->capabilities()->version);
}

Error refused_error(const Wait& wait, const std::string& refusal) {
    return Error(ErrorKind::detach_refused, "the guest of VM " + wait.vm->name() +
                                                " refuses to let " + wait.entry.device.spec.name +
                                                " go: " + refusal);
}

Error fixed_error(const Vm& vm, const Device& device) {
    return Error(ErrorKind::config_unsupported,
                 device.spec.name + " cannot leave VM " + vm.name() + ": " + device.fixed,
                 {{"reason", device.fixed}});
}

bool is_under_way(const Vm& vm, const InventoryDevice& entry) {
    const Departure* known = vm.departures().find(entry.device.qom_path);
    return known && known->phase != Departure::Phase::refused;
}

// Whether its guest can be asked at all.
Result<std::optional<DescriptorRange>> check_departure(const Vm& vm, const InventoryDevice& entry) {
    const Device& device = entry.device;
    const Result<void> state =
        allowed(Operation::detach, vm.name(), vm.run_state(), device.spec.role);
    if (!state) return state.error();
    if (!device.fixed.empty()) return fixed_error(vm, device);
    return bound_descriptors(vm, entry);
}

std::string waiting_text(const Wait& wait) {
    const std::string& name = wait.entry.device.spec.name;
    const Bus* bus = wait.vm->bus_of(wait.path());
    const Version qemu = wait.vm->capabilities()->version;
    const std::string run_state = wait.vm->run_state();
    if (bus && waits_for_guest(*bus, qemu, run_state, wait.vm->started())) {
        return "the VM is " + run_state + "; " + name + " is asked to leave once the guest runs";
    }
    if (run_state != "running") {
        return "the VM is " + run_state + "; " + name + " leaves when it runs or resets";
    }
    return "waiting for the guest to let " + name + " go" +
           (bus ? unplug_warning(*bus, qemu) : std::string());
}

awaitable<void> stay_away(std::shared_ptr<Vm> vm, std::string device) {
    Host& host = vm->host();
    const bool declared = find_declaration(host.config.declarations, vm->name(), device);
    vm->declared().mend(device);
    co_await keep_away(*host.store, vm->key(), std::move(device), declared);
}

// Written down once it takes longer, or when nobody waits any more.
awaitable<void> write_down(const Wait& wait, bool remove_region) {
    if (wait.entry.device.origin != Origin::managed) co_return;
    const std::shared_ptr<Vm>& vm = wait.vm;
    co_await save_intent(*vm->host().store, vm->key(), wait.entry.device.spec, remove_region);
}

awaitable<Result<Detached>> wait_gone(Wait wait, DetachProgress progress) {
    const std::shared_ptr<Vm>& vm = wait.vm;
    SteadyClock::time_point save = SteadyClock::now() + quick_removal;
    int told = -1;
    while (true) {
        if (vm->session() != wait.session) {
            vm->stop_waiting(wait.path());
            co_return gone_error(*vm, wait.what());
        }
        const Departure* departure = vm->departures().find(wait.path());
        if (!departure || departure->number != wait.number) co_return Detached::removed;
        // The refusal stays for the others who wait; the next Detach starts anew.
        if (departure->phase == Departure::Phase::refused) {
            co_return refused_error(wait, departure->refusal);
        }
        if (told != departure->asked) {
            told = departure->asked;
            progress("waiting", waiting_text(wait));
        }
        const SteadyClock::time_point now = SteadyClock::now();
        if (now >= wait.deadline) {
            vm->stop_waiting(wait.path());
            co_await write_down(wait, departure->remove_region);
            co_return Detached::pending;
        }
        if (now >= save) {
            save = SteadyClock::time_point::max();
            co_await write_down(wait, departure->remove_region);
            continue;
        }
        co_await vm->changed().wait_until(std::min(wait.deadline, save));
    }
}

// Whoever takes it out does not want it plugged back.
awaitable<void> note_by_client(std::shared_ptr<Vm> vm, std::string device, bool by_hand) {
    const std::set<std::string> names{device};
    co_await forget_devices(*vm->host().store, vm->name(), vm->uuid(), names);
    if (by_hand) co_await stay_away(vm, device);
}

// Has the guest asked, unless it was asked before.
awaitable<Result<void>> ask_for(const Wait& wait, const DetachRequest& request) {
    const std::shared_ptr<Vm>& vm = wait.vm;
    const std::string& name = wait.entry.device.spec.name;
    if (!request.for_migration && wait.entry.device.origin == Origin::managed) {
        co_await note_by_client(vm, name, request.by_hand);
    }
    if (is_under_way(*vm, wait.entry)) {
        vm->want_gone(wait.path(), request.remove_region);  // joins
        co_return Result<void>();
    }
    const Result<std::optional<DescriptorRange>> range = check_departure(*vm, wait.entry);
    if (!range) co_return range.error();
    vm->want_gone(wait.path(), request.remove_region);
    vm->set_range(wait.path(), *range);
    vm->publish(EventKind::detaching, name, "");
    // What has to follow the device's leaving is written down first: it may be gone before a
    // restart is over.
    if (request.remove_region || request.for_migration || request.on_record) {
        co_await write_down(wait, request.remove_region);
    }
    // What was asked for was asked of that QEMU.
    if (vm->session() != wait.session) co_return gone_error(*vm, wait.what());
    if (vm->hold_back(wait.path())) co_return Result<void>();
    co_return co_await ask_guest(vm, wait.entry, Asking::first);
}

}  // namespace

Result<void> check_detach(const Vm& vm, const std::string& name) {
    DetachRequest request;
    request.name = name;
    const InventoryDevice* target = find_target(vm, request);
    if (!target) return no_such_device(vm, request);
    if (is_under_way(vm, *target)) return {};
    const Result<std::optional<DescriptorRange>> range = check_departure(vm, *target);
    if (!range) return range.error();
    return {};
}

awaitable<Result<Detached>> detach(std::shared_ptr<Vm> vm, DetachRequest request,
                                   DetachProgress progress) {
    const SteadyClock::time_point deadline = SteadyClock::now() + request.timeout;
    const Asker asker = request.for_migration ? Asker::migration : Asker::client;
    Result<Turn::Pass> pass = co_await take_turn(vm, asker);
    if (!pass) co_return pass.error();
    if (!find_target(*vm, request) && !co_await refresh(vm, vm->host().deadlines.query)) {
        co_return silence_error(*vm, "the detach", "undone");
    }
    const InventoryDevice* target = find_target(*vm, request);
    if (!target) co_return co_await detach_leaked(vm, std::move(request));
    Wait wait{vm, vm->session(), *target, deadline};
    const Result<void> asked = co_await ask_for(wait, request);
    if (!asked) co_return asked.error();
    pass->release();
    const Departure* departure = vm->departures().find(wait.path());
    if (!departure) co_return Detached::removed;
    wait.number = departure->number;
    co_return co_await wait_gone(std::move(wait), std::move(progress));
}

}  // namespace ivshmemd
