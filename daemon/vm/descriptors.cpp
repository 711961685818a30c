#include "daemon/vm/descriptors.h"

#include <sys/eventfd.h>

#include <algorithm>
#include <climits>

#include "daemon/state/doorbells.h"
#include "daemon/vm/executor.h"
#include "daemon/vm/process_descriptors.h"
#include "daemon/vm/vm.h"
#include "proto/qmp/descriptors.h"

namespace ivshmemd {
namespace {

using qmp::HeldSet;

// For what QEMU opens by itself meanwhile: clients of its monitors, a migration, a disk.
constexpr std::size_t kept_free = 16;

// How many numbers stay free below those of a device: for the clients of QEMU's monitors, first of
// all the next connection of ours, and for what it opens as long as the device is there.
constexpr std::size_t spare_numbers = 32;

// One that is never readable: whoever watches its number for an earlier holder sees nothing.
UniqueFd never_rung() {
    return UniqueFd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
}

// What came of handing some over.
struct Tried {
    std::vector<int> numbers;
    bool full = false;  // QEMU had no more free
    bool silent = false;
};

// Hands one over after the other, up to so many or up to a number above `last`.
awaitable<Tried> hold(std::shared_ptr<Vm> vm, HeldSet set, std::size_t most, int last) {
    Tried tried;
    const std::shared_ptr<qmp::Session> session = vm->session();
    tried.silent = !session;
    while (session && tried.numbers.size() < most) {
        std::vector<qmp::Command> commands{qmp::hold_descriptor(set)};
        const std::vector<qmp::Answer> answers = co_await session->call_all(
            std::move(commands), vm->host().deadlines.query, never_rung());
        tried.full = answers[0].kind == qmp::Answer::Kind::refused;
        tried.silent = !tried.full && !answers[0].ok();
        const std::optional<int> number = qmp::read_descriptor(answers[0].get());
        if (!number) break;
        tried.numbers.push_back(*number);
        if (*number > last) break;
    }
    co_return tried;
}

awaitable<qmp::Answer> send(std::shared_ptr<Vm> vm, qmp::Command command) {
    const std::shared_ptr<qmp::Session> session = vm->session();
    if (!session) co_return qmp::Answer{};
    co_return co_await session->call(std::move(command), vm->host().deadlines.query);
}

awaitable<void> release(std::shared_ptr<Vm> vm, HeldSet set) {
    qmp::Command command = qmp::release_descriptors(set);
    co_await send(vm, std::move(command));
}

// By name, which tells no numbers; but what is closed is free at once, whatever the VM does.
awaitable<Tried> try_by_name(std::shared_ptr<Vm> vm, std::size_t most) {
    Tried tried;
    std::vector<Command> closing;
    while (closing.size() < most) {
        const std::string name = "ivshmemd.probe." + std::to_string(closing.size());
        std::vector<Command> commands;
        commands.push_back(PassFd{name});
        const Execution run =
            co_await execute(vm, std::move(commands), vm->host().deadlines.query, never_rung());
        tried.full = run.outcomes[0] == StepOutcome::refused;
        tried.silent = !tried.full && !run.all_done();
        if (!run.all_done()) break;
        closing.push_back(CloseFd{name});
    }
    if (!closing.empty()) co_await execute(vm, std::move(closing), vm->host().deadlines.query);
    co_return tried;
}

Error too_few(const Vm& vm, std::size_t needed) {
    const std::string reason =
        "the QEMU of VM " + vm.name() + " may have " +
        std::to_string(descriptor_limit(vm.identity())) + " descriptors, and has not the " +
        std::to_string(needed) +
        " free that this device and its own work need; let it have more when it is started "
        "(LimitNOFILE=, ulimit -n)";
    return Error(ErrorKind::config_unsupported, "configuration unsupported: " + reason,
                 {{"reason", reason}});
}

Error no_answer(const Vm& vm) {
    const std::optional<Error> unavailable = vm.unavailable();
    if (unavailable) return *unavailable;
    return silence_error(vm, "the question for free descriptors", "undone");
}

// Whatever is free then, a device that takes so many next, and QEMU meanwhile, are below.
awaitable<Result<NextDescriptors>> next_of_paused(std::shared_ptr<Vm> vm, std::size_t needed) {
    const Tried free = co_await try_by_name(vm, needed);
    if (free.silent) co_return no_answer(*vm);
    if (free.full) co_return too_few(*vm, needed);
    Tried tried = co_await hold(vm, HeldSet::probe, 1, INT_MAX);
    co_await release(vm, HeldSet::probe);
    if (tried.numbers.empty()) co_return no_answer(*vm);
    const int top = tried.numbers.back() + 1 + static_cast<int>(needed);
    co_return NextDescriptors{std::move(tried.numbers), top, true, vm->parkings()};
}

}  // namespace

awaitable<std::optional<int>> lowest_free_descriptor(std::shared_ptr<Vm> vm) {
    const std::shared_ptr<qmp::Session> session = vm->session();
    if (!session) co_return std::nullopt;
    std::vector<qmp::Command> commands{qmp::hold_descriptor(HeldSet::probe),
                                       qmp::release_descriptors(HeldSet::probe)};
    const std::vector<qmp::Answer> answers =
        co_await session->call_all(std::move(commands), vm->host().deadlines.query, never_rung());
    co_return qmp::read_descriptor(answers[0].get());
}

bool releases_at_once(const Vm& vm) {
    return vm.capabilities() && qmp::releases_at_once(vm.capabilities()->version, vm.run_state());
}

awaitable<Result<NextDescriptors>> next_descriptors(std::shared_ptr<Vm> vm, std::size_t wanted) {
    const std::size_t needed = wanted + kept_free;
    if (!releases_at_once(*vm)) co_return co_await next_of_paused(vm, needed);
    Tried tried = co_await hold(vm, HeldSet::probe, needed, INT_MAX);
    co_await release(vm, HeldSet::probe);
    if (tried.silent) co_return no_answer(*vm);
    if (tried.full) co_return too_few(*vm, needed);
    const int top = tried.numbers.back() + 1;
    co_return NextDescriptors{std::move(tried.numbers), top, false, vm->parkings()};
}

awaitable<std::optional<DescriptorRange>> find_taken(std::shared_ptr<Vm> vm, NextDescriptors next,
                                                     std::size_t count) {
    if (next.numbers.empty()) co_return std::nullopt;
    const int last = next.numbers.back();
    Tried tried = co_await hold(vm, HeldSet::probe, SIZE_MAX, last);
    const bool beyond = !tried.numbers.empty() && tried.numbers.back() > last;
    if (beyond && (next.held || tried.numbers.size() == 1)) {
        const Tried more = co_await hold(vm, HeldSet::probe, kept_free, INT_MAX);
        tried.numbers.insert(tried.numbers.end(), more.numbers.begin(), more.numbers.end());
    }
    co_await release(vm, HeldSet::probe);
    if (tried.numbers.empty() || (!beyond && !tried.full)) co_return std::nullopt;
    const DescriptorRange range = range_taken(next.numbers, tried.numbers, count);
    // What was parked meanwhile is taken as well, and may have been next.
    if (vm->parkings() == next.parkings) co_return range;
    co_return DescriptorRange{0, std::max(range.top, next.top)};
}

awaitable<Result<void>> hold_spare(std::shared_ptr<Vm> vm) {
    const Tried tried = co_await hold(vm, HeldSet::spare, spare_numbers, INT_MAX);
    if (!tried.full && !tried.silent) co_return Result<void>();
    co_await release(vm, HeldSet::spare);
    if (tried.silent) co_return no_answer(*vm);
    co_return too_few(*vm, spare_numbers);
}

// The last one is not below it, and is given back: it may be one that is to be occupied for good.
awaitable<bool> hold_spare_below(std::shared_ptr<Vm> vm, int floor) {
    const Tried tried = co_await hold(vm, HeldSet::spare, SIZE_MAX, floor - 1);
    if (tried.full) co_return true;
    if (tried.silent || tried.numbers.empty()) co_return false;
    qmp::Command command = qmp::release_descriptor(HeldSet::spare, tried.numbers.back());
    const qmp::Answer released = co_await send(vm, std::move(command));
    co_return released.ok();
}

awaitable<void> release_spare(std::shared_ptr<Vm> vm) {
    if (vm->unavailable()) co_return;
    co_await release(vm, HeldSet::spare);
}

awaitable<void> release_stale_spare(std::shared_ptr<Vm> vm) {
    if (!remembers_doorbells(*vm->host().store, vm->key())) co_return;
    const Gate::Pass pass = co_await vm->take_numbers();
    co_await release_spare(vm);
}

}  // namespace ivshmemd
