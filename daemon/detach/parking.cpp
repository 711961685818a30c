#include "daemon/detach/parking.h"

#include <sys/eventfd.h>

#include <algorithm>

#include "daemon/base/log.h"
#include "daemon/vm/executor.h"
#include "proto/qmp/queries.h"

namespace ivshmemd {
namespace {

// QEMU closes a few more than it was given, such as the memory's; those numbers are taken first.
constexpr std::size_t spare = 4;
constexpr std::size_t most_parked = 256;  // of one device

// With KVM the kernel takes the interrupts, and QEMU watches nothing itself; that needs MSI-X.
awaitable<bool> has_kernel_interrupts(std::shared_ptr<Vm> vm, bool msi) {
    const std::shared_ptr<qmp::Session> session = vm->session();
    if (!session || !msi) co_return false;
    qmp::Command command = qmp::query_kvm();
    const qmp::Answer answer =
        co_await session->call(std::move(command), vm->host().deadlines.query);
    co_return qmp::read_kvm_enabled(answer.get());
}

// A name given twice would close the first descriptor.
std::string fresh_name() {
    return "ivshmemd.parked." + std::to_string(SteadyClock::now().time_since_epoch().count());
}

}  // namespace

awaitable<void> park_descriptors(std::shared_ptr<Vm> vm, DeviceSpec spec) {
    const bool safe = co_await has_kernel_interrupts(vm, spec.msi.value_or(true));
    if (safe) co_return;
    const std::size_t passed = std::max<std::size_t>(
        vm->host().relays.passed(vm->name(), spec.name), spec.vectors.value_or(1));
    const std::size_t count = std::min(passed + spare, most_parked);
    const UniqueFd never_rung(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    for (std::size_t i = 0; i < count; ++i) {
        std::vector<Command> commands;
        commands.push_back(PassFd{fresh_name()});
        const Execution run = co_await execute(vm, std::move(commands), vm->host().deadlines.query,
                                               never_rung.duplicate());
        if (run.all_done()) continue;
        log_warning(
            {vm->name(), ": QEMU takes no more descriptors after the detach of ", spec.name},
            {{"VM", vm->name()}});
        break;
    }
}

}  // namespace ivshmemd
