#include "daemon/detach/parking.h"

#include <sys/eventfd.h>

#include <algorithm>

#include "daemon/base/log.h"
#include "daemon/state/doorbells.h"
#include "daemon/vm/descriptors.h"
#include "daemon/vm/executor.h"
#include "daemon/vm/process_descriptors.h"
#include "daemon/vm/vm.h"

namespace ivshmemd {
namespace {

// Beside those of its vectors and of its peers, QEMU was passed the memory's.
constexpr std::size_t memory_descriptor = 1;

// Added where nothing bounds the numbers: what other peers may have had, and what was free below.
constexpr std::size_t unseen = 64;

bool is_parked_anyway(const Vm& vm, const InventoryDevice& entry) {
    return !entry.device.has_server || vm.has_kernel_interrupts(entry.device.spec);
}

// One that left unasked, or unseen, was not bounded before.
std::optional<DescriptorRange> range_of(const Vm& vm, const InventoryDevice& entry) {
    const Departure* departure = vm.departures().find(entry.device.qom_path);
    if (departure && departure->range) return departure->range;
    return doorbell_range(*vm.host().store, vm.key(), entry.device.spec.name);
}

std::size_t passed_to(const Vm& vm, const InventoryDevice& entry) {
    const DeviceSpec& spec = entry.device.spec;
    const std::size_t known = vm.host().relays.passed(vm.name(), spec.name);
    return std::max<std::size_t>(known, spec.vectors.value_or(1)) + memory_descriptor;
}

// Between two attempts on a QEMU whose table is full.
constexpr Milliseconds full_pause{20};

// A name given twice would close the first descriptor.
std::string fresh_name() {
    return "ivshmemd.parked." + std::to_string(SteadyClock::now().time_since_epoch().count());
}

// QEMU frees some of what a device had a moment after it has gone: until then a table that is full
// takes nothing.
awaitable<bool> park_one(std::shared_ptr<Vm> vm, const UniqueFd& never_rung) {
    const SteadyClock::time_point give_up = SteadyClock::now() + vm->host().deadlines.descriptors;
    while (true) {
        std::vector<Command> commands;
        commands.push_back(PassFd{fresh_name()});
        const Execution run = co_await execute(vm, std::move(commands), vm->host().deadlines.query,
                                               never_rung.duplicate());
        if (run.all_done()) co_return true;
        const bool refused = run.outcomes[0] == StepOutcome::refused;
        if (!refused || SteadyClock::now() >= give_up || vm->stopping()) co_return false;
        co_await vm->sleep_until(SteadyClock::now() + full_pause);
    }
}

// How many QEMU took: fewer only when it takes no more.
awaitable<std::size_t> park_some(std::shared_ptr<Vm> vm, const UniqueFd& never_rung,
                                 std::size_t wanted) {
    std::size_t parked = 0;
    while (parked < wanted) {
        const bool taken = co_await park_one(vm, never_rung);
        if (!taken) break;
        ++parked;
    }
    co_return parked;
}

// How many were parked until no number below `top` was free; nothing when QEMU took no more.
awaitable<std::optional<std::size_t>> park_up_to(std::shared_ptr<Vm> vm, const UniqueFd& never_rung,
                                                 int top) {
    for (std::size_t parked = 0;; ++parked) {
        const std::optional<int> lowest = co_await lowest_free_descriptor(vm);
        if (lowest && *lowest >= top) co_return parked;
        const bool taken = co_await park_one(vm, never_rung);
        if (!taken) co_return std::nullopt;
    }
}

// How many are free below `top`; at most so many where /proc does not tell.
std::size_t count_free(const Vm& vm, int top) {
    const auto all = static_cast<std::size_t>(top);
    const std::optional<std::set<int>> used = descriptors_in_use(vm.identity());
    if (!used) return all;
    return all - static_cast<std::size_t>(std::distance(used->begin(), used->lower_bound(top)));
}

// The same without asking QEMU for its lowest one: it would keep that, and let go of it later. It
// may close others meanwhile, which are occupied instead then.
awaitable<std::optional<std::size_t>> park_unasked(std::shared_ptr<Vm> vm,
                                                   const UniqueFd& never_rung, int top) {
    const bool visible = descriptors_in_use(vm->identity()).has_value();
    std::size_t parked = 0;
    for (bool again = true; again;) {
        const std::size_t free = count_free(*vm, top);
        const std::size_t taken = co_await park_some(vm, never_rung, free);
        if (taken < free) co_return std::nullopt;
        parked += taken;
        again = visible && free > 0;
    }
    co_return parked;
}

// All numbers of the range, and those below it that were free stay so. Nothing when QEMU does not
// take them all.
awaitable<std::optional<std::size_t>> park_range(std::shared_ptr<Vm> vm, const UniqueFd& never_rung,
                                                 DescriptorRange range, std::size_t passed) {
    const bool can_ask = releases_at_once(*vm);
    const bool spares = can_ask && range.floor > 0;
    if (spares && !co_await hold_spare_below(vm, range.floor)) co_return std::nullopt;
    const std::size_t first = co_await park_some(vm, never_rung, passed);
    std::optional<std::size_t> rest;
    if (first == passed && can_ask) rest = co_await park_up_to(vm, never_rung, range.top);
    // Also when the VM was paused meanwhile.
    if (first == passed && !releases_at_once(*vm)) {
        rest = co_await park_unasked(vm, never_rung, range.top);
    }
    if (spares) co_await release_spare(vm);
    if (!rest) co_return std::nullopt;
    co_return first + *rest;
}

}  // namespace

Result<std::optional<DescriptorRange>> bound_descriptors(const Vm& vm,
                                                         const InventoryDevice& entry) {
    if (is_parked_anyway(vm, entry)) return std::optional<DescriptorRange>();
    const std::string& name = entry.device.spec.name;
    if (entry.device.origin == Origin::managed) {
        const std::optional<DescriptorRange> known =
            doorbell_range(*vm.host().store, vm.key(), name);
        if (known) return known;
    }
    const std::optional<std::set<int>> seen = descriptors_in_use(vm.identity());
    if (seen && !seen->empty()) {
        return std::optional<DescriptorRange>(DescriptorRange{0, *seen->rbegin() + 1});
    }
    const std::string reason =
        "QEMU runs without KVM, where the numbers of a detached doorbell's descriptors have to be "
        "kept occupied, and those of " +
        name +
        " are not known: it was not attached by this daemon, or its state directory was lost; it "
        "leaves with its VM";
    return Error(ErrorKind::config_unsupported, "configuration unsupported: " + reason,
                 {{"reason", reason}});
}

awaitable<bool> park_descriptors(std::shared_ptr<Vm> vm, InventoryDevice entry) {
    if (is_parked_anyway(*vm, entry)) co_return true;
    const Gate::Pass pass = co_await vm->take_numbers();
    if (vm->unavailable()) co_return false;  // what it has done late is to be undone first
    vm->count_parking();
    // An attach that is under way may have QEMU hold what is to be parked.
    co_await release_spare(vm);
    const std::optional<DescriptorRange> range = range_of(*vm, entry);
    const std::size_t passed = passed_to(*vm, entry) + (range ? 0 : unseen);
    const UniqueFd never_rung(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    std::optional<std::size_t> parked;
    if (range) {
        parked = co_await park_range(vm, never_rung, *range, passed);
    } else {
        const std::size_t some = co_await park_some(vm, never_rung, passed);
        if (some == passed) parked = some;
    }
    const std::string& name = entry.device.spec.name;
    if (parked) {
        log_debug({vm->name(), ": ", std::to_string(*parked), " descriptors parked for ", name},
                  {{"VM", vm->name()}});
        co_await forget_doorbell(*vm->host().store, vm->key(), name);
    } else if (!vm->unavailable()) {
        log_warning({vm->name(),
                     ": QEMU does not take the descriptors that are to be parked after "
                     "the detach of ",
                     name},
                    {{"VM", vm->name()}});
    }
    co_return parked.has_value();
}

}  // namespace ivshmemd
