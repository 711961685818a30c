#include "daemon/vm/turn.h"

#include "daemon/vm/migration_watch.h"
#include "daemon/vm/vm.h"

namespace ivshmemd {

Turn::Coming::Coming(Vm& vm, const DeviceSpec& spec)
    : turn_(vm.turn()), mark_(vm.host().region_users, vm) {
    update(spec);
}

Error doorbell_left(const Vm& vm) {
    return Error(ErrorKind::operation_in_progress,
                 "a doorbell has just left VM " + vm.name() +
                     ", and until that is dealt with its QEMU, which runs without KVM, may get no "
                     "other descriptor; try again in a moment");
}

std::optional<Error> doorbell_leaving(const Vm& vm) {
    const std::string doorbell = vm.leaving_doorbell();
    if (doorbell.empty() && vm.adopted()) return std::nullopt;
    if (doorbell.empty()) return doorbell_left(vm);
    return Error(ErrorKind::operation_in_progress,
                 "VM " + vm.name() + " is letting go of its doorbell " + doorbell +
                     ", and until that is over its QEMU, which runs without KVM, may get no other "
                     "descriptor; try again when the guest has let it go");
}

awaitable<Result<Turn::Pass>> take_turn(std::shared_ptr<Vm> vm, Asker asker) {
    if (const auto active = migration_active(*vm, asker)) co_return *active;
    Turn::Pass pass = co_await vm->turn().enter();
    if (const auto unavailable = vm->unavailable()) co_return *unavailable;
    if (const auto active = migration_active(*vm, asker)) co_return *active;
    co_return std::move(pass);
}

awaitable<Result<Turn::Pass>> take_turn_to_add(std::shared_ptr<Vm> vm, Asker asker) {
    const SteadyClock::time_point give_up = SteadyClock::now() + vm->host().deadlines.parked;
    while (true) {
        Result<Turn::Pass> pass = co_await take_turn(vm, asker);
        if (!pass) co_return pass.error();
        const std::optional<Error> obstacle = doorbell_leaving(*vm);
        if (!obstacle) co_return std::move(pass);
        if (SteadyClock::now() >= give_up) co_return *obstacle;
        pass->release();  // the doorbell may need a turn to be asked for again
        co_await vm->changed().wait_until(give_up);
    }
}

}  // namespace ivshmemd
