#include "daemon/detach/parking.h"

#include <sys/eventfd.h>

#include <algorithm>

#include "daemon/base/log.h"
#include "daemon/state/doorbells.h"
#include "daemon/vm/descriptors.h"
#include "daemon/vm/executor.h"
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
std::optional<int> top_of(const Vm& vm, const InventoryDevice& entry) {
    const Departure* departure = vm.departures().find(entry.device.qom_path);
    if (departure && departure->top) return departure->top;
    return doorbell_top(*vm.host().store, vm.key(), entry.device.spec.name);
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

// True when no free number is left below `top`.
awaitable<bool> is_dense(std::shared_ptr<Vm> vm, int top) {
    const std::optional<int> lowest = co_await lowest_free_descriptor(vm);
    co_return lowest&&* lowest >= top;
}

}  // namespace

Result<std::optional<int>> bound_descriptors(const Vm& vm, const InventoryDevice& entry) {
    if (is_parked_anyway(vm, entry)) return std::optional<int>();
    const std::string& name = entry.device.spec.name;
    if (entry.device.origin == Origin::managed) {
        const std::optional<int> known = doorbell_top(*vm.host().store, vm.key(), name);
        if (known) return known;
    }
    const std::optional<DescriptorUse> seen = descriptors_in_use(vm.identity());
    if (seen) return std::optional<int>(seen->top);
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
    const std::optional<int> top = top_of(*vm, entry);
    const std::size_t passed = passed_to(*vm, entry) + (top ? 0 : unseen);
    const UniqueFd never_rung(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    std::size_t parked = 0;
    bool taken = true;
    while (taken && parked < passed) {
        taken = co_await park_one(vm, never_rung);
        parked += taken ? 1 : 0;
    }
    while (taken && top) {
        const bool dense = co_await is_dense(vm, *top);
        if (dense) break;
        taken = co_await park_one(vm, never_rung);
        parked += taken ? 1 : 0;
    }
    const std::string& name = entry.device.spec.name;
    log_debug({vm->name(), ": ", std::to_string(parked), " descriptors parked for ", name},
              {{"VM", vm->name()}});
    if (!taken && !vm->unavailable()) {
        log_warning({vm->name(), ": QEMU takes no more descriptors after the detach of ", name,
                     ", ", std::to_string(parked), " of ", std::to_string(passed), " are parked"},
                    {{"VM", vm->name()}});
    }
    if (taken) co_await forget_doorbell(*vm->host().store, vm->key(), name);
    co_return taken;
}

}  // namespace ivshmemd
