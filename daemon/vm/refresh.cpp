#include "daemon/vm/refresh.h"

#include <algorithm>

#include "daemon/vm/room.h"

namespace ivshmemd {
namespace {

// What changes meanwhile makes a reading old, and nobody is to be shown what was before.
constexpr int reading_attempts = 3;

// For one that goes on answering, in terms of the patience with one that is silent.
constexpr int most_patience = 6;

bool is_trying(const Vm& vm) {
    return vm.state() == VmState::connecting || vm.state() == VmState::unreachable;
}

// Until there was another attempt to connect than those.
awaitable<void> await_attempt(std::shared_ptr<Vm> vm, std::uint64_t attempts,
                              SteadyClock::time_point until) {
    while (vm->link().attempts() == attempts && !vm->stopping() && SteadyClock::now() < until) {
        co_await vm->changed().wait_until(until);
    }
}

awaitable<void> wait_connected_until(std::shared_ptr<Vm> vm, SteadyClock::time_point until) {
    if (!is_trying(*vm) || vm->stopping()) co_return;
    const std::uint64_t attempts = vm->link().attempts();
    vm->link().hurry();
    co_await await_attempt(vm, attempts, until);
}

// Since when QEMU has said nothing to the reading that is under way.
SteadyClock::time_point silent_since(const Vm& vm) {
    const std::shared_ptr<qmp::Session>& session = vm.session();
    if (!session) return vm.refresh_began();
    return std::max(vm.refresh_began(), session->last_answer());
}

// The reading has a deadline of its own: a short wait here must not make the VM unresponsive. Who
// asks while QEMU has been silent for that long already is shown what is known at once; one that
// goes on answering, on a busy host, is given more time, but not all.
awaitable<void> await_refresh(std::shared_ptr<Vm> vm, SteadyClock::time_point asked) {
    const Milliseconds patience = vm->host().deadlines.refresh;
    const std::uint64_t wanted = vm->refresh_wanted();
    while (vm->refreshing() && vm->refresh_number() <= wanted) {
        const SteadyClock::time_point due =
            std::min(asked + most_patience * patience, silent_since(*vm) + patience);
        if (SteadyClock::now() >= due) co_return;
        co_await vm->changed().wait_until(due);
    }
}

awaitable<void> refresh_in_background(std::shared_ptr<Vm> vm) {
    for (bool again = true; again; again = vm->end_refresh()) {
        co_await refresh(vm, vm->host().deadlines.query);
    }
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
    const SteadyClock::time_point asked = SteadyClock::now();
    co_await wait_connected_until(vm, asked + vm->host().deadlines.refresh);
    start_refresh(vm);
    co_await await_refresh(vm, asked);
}

awaitable<void> refresh_all_for_read(std::vector<std::shared_ptr<Vm>> vms) {
    if (vms.empty()) co_return;
    const SteadyClock::time_point asked = SteadyClock::now();
    const SteadyClock::time_point until = asked + vms.front()->host().deadlines.refresh;
    std::vector<std::uint64_t> attempts;
    for (const auto& vm : vms) {
        start_refresh(vm);
        attempts.push_back(vm->link().attempts());
        if (is_trying(*vm)) vm->link().hurry();
    }
    for (std::size_t i = 0; i < vms.size(); ++i) {
        if (is_trying(*vms[i])) {
            co_await await_attempt(vms[i], attempts[i], until);
            start_refresh(vms[i]);
        }
        co_await await_refresh(vms[i], asked);
    }
}

awaitable<void> wait_connected(std::shared_ptr<Vm> vm, Milliseconds deadline) {
    co_await wait_connected_until(vm, SteadyClock::now() + deadline);
}

void settle_relays(Vm& vm) {
    Relays& relays = vm.host().relays;
    for (const std::string& device : relays.devices(vm.name())) {
        if (vm.turn().coming() && vm.turn().coming()->name == device) continue;
        if (find_managed(vm.inventory(), device)) {
            relays.start(vm.name(), device, room_question(vm.shared_from_this()));
        } else {
            relays.drop(vm.name(), device);
        }
    }
}

}  // namespace ivshmemd
