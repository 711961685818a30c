#include "daemon/vm/refresh.h"

namespace ivshmemd {
namespace {

// What changes meanwhile makes a reading old, and nobody is to be shown what was before.
constexpr int reading_attempts = 3;

awaitable<void> refresh_in_background(std::shared_ptr<Vm> vm) {
    co_await refresh(vm, vm->host().deadlines.query);
    vm->end_refresh();
}

}  // namespace

awaitable<bool> refresh(std::shared_ptr<Vm> vm, Milliseconds deadline) {
    const std::shared_ptr<qmp::Session> session = vm->session();
    if (!session) co_return false;
    for (int attempt = 1;; ++attempt) {
        const std::uint64_t generation = vm->holdings().generation();
        const std::optional<pid_t> pid = vm->identity().pid;
        Result<Reading> reading =
            co_await read_inventory_and_memory(vm->host(), session, pid, deadline);
        if (!reading || vm->session() != session) co_return false;
        const bool applied = vm->apply(std::move(*reading), generation);
        if (applied || attempt == reading_attempts) break;
    }
    settle_relays(*vm);
    co_return true;
}

void start_refresh(const std::shared_ptr<Vm>& vm) {
    if (!vm->begin_refresh()) return;
    vm->spawn("refresh", refresh_in_background(vm));
}

awaitable<void> refresh_for_read(std::shared_ptr<Vm> vm) {
    co_await wait_connected(vm, vm->host().deadlines.refresh);
    start_refresh(vm);
    // The reading has a deadline of its own: a short wait here must not make the VM unresponsive.
    const SteadyClock::time_point until = SteadyClock::now() + vm->host().deadlines.refresh;
    while (vm->refreshing() && SteadyClock::now() < until) {
        co_await vm->changed().wait_until(until);
    }
}

awaitable<void> refresh_all_for_read(std::vector<std::shared_ptr<Vm>> vms) {
    for (const auto& vm : vms) start_refresh(vm);
    for (const auto& vm : vms) co_await refresh_for_read(vm);
}

awaitable<void> wait_connected(std::shared_ptr<Vm> vm, Milliseconds deadline) {
    const bool trying = vm->state() == VmState::connecting || vm->state() == VmState::unreachable;
    if (!trying || vm->stopping()) co_return;
    const SteadyClock::time_point until = SteadyClock::now() + deadline;
    const std::uint64_t attempts = vm->link().attempts();
    vm->link().hurry();
    while (vm->link().attempts() == attempts && SteadyClock::now() < until) {
        co_await vm->changed().wait_until(until);
    }
}

void settle_relays(Vm& vm) {
    Relays& relays = vm.host().relays;
    for (const std::string& device : relays.devices(vm.name())) {
        if (vm.turn().coming() && vm.turn().coming()->name == device) continue;
        if (find_managed(vm.inventory(), device)) {
            relays.start(vm.name(), device);
        } else {
            relays.drop(vm.name(), device);
        }
    }
}

}  // namespace ivshmemd
