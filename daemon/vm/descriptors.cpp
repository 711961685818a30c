#include "daemon/vm/descriptors.h"

#include <algorithm>
#include <climits>

#include "daemon/vm/executor.h"
#include "daemon/vm/process_descriptors.h"
#include "daemon/vm/room.h"
#include "daemon/vm/vm.h"
#include "proto/qmp/descriptors.h"

namespace ivshmemd {
namespace {

using qmp::HeldSet;

// How many numbers stay free below those of a device: for the clients of QEMU's monitors, first of
// all the next connection of ours, and for what it opens as long as the device is there.
constexpr std::size_t spare_numbers = 32;

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
        UniqueFd fd = never_rung();
        tried.silent = !fd;  // this process has none free: then QEMU is not asked
        if (!fd) break;
        std::vector<qmp::Command> commands{qmp::hold_descriptor(set)};
        const std::vector<qmp::Answer> answers = co_await session->call_all(
            std::move(commands), vm->host().deadlines.query, std::move(fd));
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

awaitable<bool> release(std::shared_ptr<Vm> vm, HeldSet set) {
    qmp::Command command = qmp::release_descriptors(set);
    const qmp::Answer answer = co_await send(vm, std::move(command));
    co_return answer.ok();
}

// The number that comes after so many that are held by name.
awaitable<Tried> try_by_name(std::shared_ptr<Vm> vm, std::size_t count) {
    HeldByName held = co_await hold_by_name(vm, count);
    Tried tried{{}, held.full, held.silent};
    if (!held.full && !held.silent) tried = co_await hold(vm, HeldSet::probe, 1, INT_MAX);
    co_await close_by_name(vm, std::move(held.closing));
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

// What it is handed is not free again before it runs: the lowest is asked for, and, once as many
// are in use as a device and QEMU take meanwhile, the one above them.
awaitable<Result<NextDescriptors>> next_of_paused(std::shared_ptr<Vm> vm, std::size_t needed) {
    Tried tried = co_await hold(vm, HeldSet::probe, 1, INT_MAX);
    const Tried free = co_await try_by_name(vm, needed);
    co_await release(vm, HeldSet::probe);
    if (tried.silent || free.silent) co_return no_answer(*vm);
    if (tried.full || free.full) co_return too_few(*vm, needed);
    const int top = free.numbers.back() + 1;
    co_return NextDescriptors{std::move(tried.numbers), top, true, vm->parkings()};
}

DescriptorRange judge(const NextDescriptors& next, const Tried& tried, std::size_t count) {
    if (tried.numbers.empty()) return {};
    return range_taken(next.numbers, next.held, tried.numbers, count);
}

}  // namespace

// One that it keeps would seem to be occupied.
awaitable<LowestFree> lowest_free_descriptor(std::shared_ptr<Vm> vm) {
    const Tried tried = co_await hold(vm, HeldSet::probe, 1, INT_MAX);
    if (tried.numbers.empty()) co_return LowestFree{std::nullopt, tried.full};
    const bool released = co_await release(vm, HeldSet::probe);
    if (!released) co_return LowestFree{};
    co_return LowestFree{tried.numbers.back(), false};
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

// By name what goes at once anyway would stay if this daemon were killed meanwhile.
awaitable<Room> room_for(std::shared_ptr<Vm> vm, std::size_t wanted) {
    Tried tried;
    if (releases_at_once(*vm)) {
        tried = co_await hold(vm, HeldSet::probe, wanted, INT_MAX);
        co_await release(vm, HeldSet::probe);
    } else {
        HeldByName held = co_await hold_by_name(vm, wanted);
        co_await close_by_name(vm, std::move(held.closing));
        tried = {{}, held.full, held.silent};
    }
    if (tried.silent) co_return Room::unknown;
    co_return tried.full ? Room::none : Room::enough;
}

awaitable<std::optional<DescriptorRange>> find_taken(std::shared_ptr<Vm> vm, NextDescriptors next,
                                                     std::size_t count) {
    if (next.numbers.empty()) co_return std::nullopt;
    const int last = next.numbers.back();
    Tried tried = co_await hold(vm, HeldSet::probe, SIZE_MAX, last);
    const bool beyond = !tried.numbers.empty() && tried.numbers.back() > last;
    DescriptorRange range;
    if (beyond || tried.full) range = judge(next, tried, count);
    if (beyond && range.floor == 0) {  // how far what is taken goes
        const Tried more = co_await hold(vm, HeldSet::probe, count + kept_free, INT_MAX);
        tried.numbers.insert(tried.numbers.end(), more.numbers.begin(), more.numbers.end());
        range = judge(next, tried, count);
    }
    co_await release(vm, HeldSet::probe);
    if (range.top == 0) co_return std::nullopt;
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

awaitable<void> release_held(std::shared_ptr<qmp::Session> session, Milliseconds deadline) {
    std::vector<qmp::Command> commands{qmp::release_descriptors(HeldSet::probe),
                                       qmp::release_descriptors(HeldSet::spare)};
    co_await session->call_all(std::move(commands), deadline, UniqueFd());
}

}  // namespace ivshmemd
