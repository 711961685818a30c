#include "daemon/detach/detach.h"

#include "daemon/detach/removal.h"
#include "daemon/detach/unplug.h"
#include "daemon/state/declared.h"
#include "daemon/state/migrations.h"
#include "daemon/state/removals.h"
#include "daemon/vm/executor.h"
#include "daemon/vm/migration_watch.h"
#include "daemon/vm/refresh.h"
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

Result<void> check_run_state(const Vm& vm) {
    const std::string& state = vm.run_state();
    if (state == "prelaunch" && !vm.started()) {
        return Error(ErrorKind::vm_unavailable,
                     "VM " + vm.name() +
                         " was never started, and QEMU would lose the request for "
                         "good; start the VM, then detach",
                     {{"state", state}});
    }
    if (is_between_hosts(state)) {
        return Error(ErrorKind::vm_unavailable,
                     "VM " + vm.name() + " is in run state " + state + ", where no guest answers",
                     {{"state", state}});
    }
    return {};
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

bool is_gone(const Wait& wait) {
    return !find_by_path(wait.vm->inventory(), wait.path()) &&
           !wait.vm->cleaning().contains(wait.path());
}

Error refused_error(const Wait& wait, const std::string& refusal) {
    return Error(ErrorKind::detach_refused, "the guest of VM " + wait.vm->name() +
                                                " refuses to let " + wait.entry.device.spec.name +
                                                " go: " + refusal);
}

std::string waiting_text(const Wait& wait) {
    const std::string& name = wait.entry.device.spec.name;
    if (wait.vm->run_state() != "running") {
        return "the VM is " + wait.vm->run_state() + "; " + name + " leaves when it runs or resets";
    }
    return "waiting for the guest to let " + name + " go";
}

awaitable<void> stay_away(std::shared_ptr<Vm> vm, std::string device) {
    Host& host = vm->host();
    const bool declared = find_declaration(host.config.declarations, vm->name(), device);
    vm->declared().failures.erase(device);
    co_await keep_away(*host.store, vm->key(), std::move(device), declared);
}

awaitable<Result<Detached>> wait_gone(Wait wait, DetachProgress progress) {
    const std::shared_ptr<Vm>& vm = wait.vm;
    progress("waiting", waiting_text(wait));
    SteadyClock::time_point save = SteadyClock::now() + quick_removal;
    while (true) {
        if (vm->session() != wait.session) co_return gone_error(*vm, wait.what());
        if (is_gone(wait)) break;
        const auto removal = vm->removals().find(wait.path());
        const bool asked = removal != vm->removals().end();
        // The refusal stays for the others who wait; the next Detach starts anew.
        if (asked && removal->second.refusal) {
            co_return refused_error(wait, *removal->second.refusal);
        }
        if (SteadyClock::now() >= wait.deadline) co_return Detached::pending;
        if (SteadyClock::now() >= save && wait.entry.device.origin == Origin::managed) {
            save = SteadyClock::time_point::max();
            co_await save_intent(*vm->host().store, vm->key(), wait.entry.device.spec,
                                 asked && removal->second.remove_region);
            continue;
        }
        SteadyClock::time_point until = std::min(wait.deadline, save);
        if (asked && vm->run_state() == "running" && !is_migrating(*vm)) {
            if (removal->second.again <= SteadyClock::now()) {
                const Result<void> sent = co_await ask_guest(vm, wait.entry);
                if (!sent) co_return sent.error();
                progress("waiting", waiting_text(wait));
                continue;
            }
            until = std::min(until, removal->second.again);
        }
        co_await vm->changed().wait_until(until);
    }
    co_return Detached::removed;
}

awaitable<Result<Detached>> finish(Wait wait, DetachRequest request, DetachProgress progress) {
    const Result<Detached> result = co_await wait_gone(wait, std::move(progress));
    if (result && *result == Detached::pending && wait.entry.device.origin == Origin::managed) {
        co_await save_intent(*wait.vm->host().store, wait.vm->key(), wait.entry.device.spec,
                             request.remove_region);
    }
    co_return result;
}

}  // namespace

awaitable<Result<Detached>> detach(std::shared_ptr<Vm> vm, DetachRequest request,
                                   DetachProgress progress) {
    const SteadyClock::time_point deadline = SteadyClock::now() + request.timeout;
    const Asker asker = request.for_migration ? Asker::migration : Asker::client;
    if (const auto active = migration_active(*vm, asker)) co_return *active;
    Gate::Pass pass = co_await vm->gate().enter();
    if (const auto unavailable = vm->unavailable()) co_return *unavailable;
    if (const auto active = migration_active(*vm, asker)) co_return *active;
    if (!find_target(*vm, request)) {
        if (!co_await refresh(vm, vm->host().deadlines.query)) {
            co_return silence_error(*vm, "the detach", "undone");
        }
    }
    const InventoryDevice* target = find_target(*vm, request);
    if (!target) co_return co_await detach_leaked(vm, std::move(request));
    Wait wait{vm, vm->session(), *target, deadline};
    if (!request.for_migration && target->device.origin == Origin::managed) {
        // Whoever takes it out does not want it plugged back.
        const std::set<std::string> names{target->device.spec.name};
        co_await forget_devices(*vm->host().store, vm->name(), vm->uuid(), names);
        if (request.by_hand) co_await stay_away(vm, wait.entry.device.spec.name);
    }
    const auto known = vm->removals().find(wait.path());
    const bool joins = known != vm->removals().end() && !known->second.refusal;
    if (!joins) {
        const Result<void> state = check_run_state(*vm);
        if (!state) co_return state.error();
        vm->removals()[wait.path()] = {request.remove_region, {}, SteadyClock::now()};
        vm->publish(EventKind::detaching, wait.entry.device.spec.name, "");
        // What has to follow the device's leaving is written down first: it may be gone before a
        // restart is over.
        if (request.remove_region || request.for_migration) {
            co_await save_intent(*vm->host().store, vm->key(), wait.entry.device.spec,
                                 request.remove_region);
        }
        const Result<void> sent = co_await ask_guest(vm, wait.entry);
        if (!sent) co_return sent.error();
    } else {
        known->second.remove_region = known->second.remove_region || request.remove_region;
    }
    pass.release();
    co_return co_await finish(std::move(wait), std::move(request), std::move(progress));
}

}  // namespace ivshmemd
