#include "daemon/detach/parking.h"

#include <sys/eventfd.h>

#include <algorithm>
#include <iterator>

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
    if (!entry.device.has_server) return true;
    if (doorbell_range(*vm.host().store, vm.key(), entry.device.spec.name)) return false;
    return vm.has_kernel_interrupts(entry.device.spec);
}

// One that left unasked, or unseen, was not bounded before.
std::optional<DescriptorRange> range_of(const Vm& vm, const InventoryDevice& entry) {
    const Departure* departure = vm.departures().find(entry.device.qom_path);
    if (departure && departure->range) return departure->range;
    return doorbell_range(*vm.host().store, vm.key(), entry.device.spec.name);
}

// What it leaves may have to be cleared away more than once.
bool was_parked(const Vm& vm, const InventoryDevice& entry) {
    const Departure* departure = vm.departures().find(entry.device.qom_path);
    if (departure) return departure->parked;
    return vm.remembers_parked(entry.device.spec.name) && !range_of(vm, entry);
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

enum class Parked {
    taken,
    full,  // QEMU has no free number
    silent,
};

// QEMU frees some of what a device had a moment after it has gone: until then a table that is full
// takes nothing.
awaitable<Parked> park_one(std::shared_ptr<Vm> vm, const UniqueFd& never_rung) {
    const SteadyClock::time_point give_up = SteadyClock::now() + vm->host().deadlines.descriptors;
    while (true) {
        UniqueFd fd = never_rung.duplicate();
        if (!fd) co_return Parked::silent;  // this process has none free: then QEMU is not asked
        std::vector<Command> commands;
        commands.push_back(PassFd{fresh_name()});
        const Execution run =
            co_await execute(vm, std::move(commands), vm->host().deadlines.query, std::move(fd));
        if (run.all_done()) co_return Parked::taken;
        if (run.outcomes[0] != StepOutcome::refused || vm->stopping()) co_return Parked::silent;
        if (SteadyClock::now() >= give_up) co_return Parked::full;
        co_await vm->sleep_until(SteadyClock::now() + full_pause);
    }
}

// How many were parked, of so many or until QEMU has no free number; nothing when it is silent.
awaitable<std::optional<std::size_t>> park_some(std::shared_ptr<Vm> vm, const UniqueFd& never_rung,
                                                std::size_t wanted) {
    std::size_t parked = 0;
    while (parked < wanted) {
        const Parked one = co_await park_one(vm, never_rung);
        if (one == Parked::silent) co_return std::nullopt;
        if (one == Parked::full) break;
        ++parked;
    }
    co_return parked;
}

// The same until no number below `top` is free.
awaitable<std::optional<std::size_t>> park_up_to(std::shared_ptr<Vm> vm, const UniqueFd& never_rung,
                                                 int top) {
    for (std::size_t parked = 0;; ++parked) {
        const LowestFree lowest = co_await lowest_free_descriptor(vm);
        if (lowest.number.value_or(0) >= top) co_return parked;
        if (!lowest.number && !lowest.full) co_return std::nullopt;
        const Parked one = co_await park_one(vm, never_rung);
        if (one == Parked::silent) co_return std::nullopt;
        if (one == Parked::full) co_return parked;
    }
}

// While a VM is paused, an older QEMU cannot be asked for its lowest number: it keeps what it is
// handed, and lets go of it later. What /proc shows to be free is parked, and the rest is seen to
// when the VM runs; until then nothing else may take a number.
awaitable<void> park_visible(std::shared_ptr<Vm> vm, const UniqueFd& never_rung, int top) {
    const std::optional<std::set<int>> used = descriptors_in_use(vm->identity());
    if (!used) co_return;
    const auto below = std::distance(used->begin(), used->lower_bound(top));
    co_await park_some(vm, never_rung, static_cast<std::size_t>(top - below));
}

// All numbers of the range, and those below it that were free stay so.
awaitable<std::optional<std::size_t>> park_range(std::shared_ptr<Vm> vm, const UniqueFd& never_rung,
                                                 DescriptorRange range) {
    if (!releases_at_once(*vm)) {
        co_await park_visible(vm, never_rung, range.top);
        co_return std::nullopt;
    }
    const bool spares = range.floor > 0;
    if (spares && !co_await hold_spare_below(vm, range.floor)) co_return std::nullopt;
    const auto parked = co_await park_up_to(vm, never_rung, range.top);
    if (spares) co_await release_spare(vm);
    if (!releases_at_once(*vm)) co_return std::nullopt;  // what was asked for may be free later
    co_return parked;
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

bool is_parked(const Vm& vm, const InventoryDevice& entry) {
    return is_parked_anyway(vm, entry) || was_parked(vm, entry);
}

awaitable<bool> park_descriptors(std::shared_ptr<Vm> vm, InventoryDevice entry) {
    const std::string& name = entry.device.spec.name;
    if (is_parked(*vm, entry)) co_return true;
    const Gate::Pass pass = co_await vm->take_numbers();
    if (vm->unavailable()) co_return false;  // what it has done late is to be undone first
    vm->count_parking();
    // An attach that is under way may have QEMU hold what is to be parked.
    co_await release_held(vm->session(), vm->host().deadlines.query);
    const std::optional<DescriptorRange> range = range_of(*vm, entry);
    const UniqueFd never_rung(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    std::optional<std::size_t> parked;
    if (range) {
        parked = co_await park_range(vm, never_rung, *range);
    } else {
        parked = co_await park_some(vm, never_rung, passed_to(*vm, entry) + unseen);
    }
    if (!parked) co_return false;
    log_debug({vm->name(), ": ", std::to_string(*parked), " descriptors parked for ", name},
              {{"VM", vm->name()}});
    vm->remember_parked(name);
    co_await forget_doorbell(*vm->host().store, vm->key(), name);
    co_return true;
}

}  // namespace ivshmemd
