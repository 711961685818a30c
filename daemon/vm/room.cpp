#include "daemon/vm/room.h"

#include <sys/eventfd.h>

#include "daemon/vm/descriptors.h"
#include "daemon/vm/executor.h"
#include "daemon/vm/vm.h"

namespace ivshmemd {
namespace {

awaitable<Room> find_room(std::weak_ptr<Vm> asked, std::size_t count) {
    const std::shared_ptr<Vm> vm = asked.lock();
    if (!vm || vm->unavailable()) co_return Room::unknown;
    const Gate::Pass pass = co_await vm->take_numbers();
    const std::size_t others = vm->host().relays.outstanding(vm->name());
    co_return co_await room_for(vm, count + others + kept_free);
}

}  // namespace

UniqueFd never_rung() {
    return UniqueFd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
}

awaitable<HeldByName> hold_by_name(std::shared_ptr<Vm> vm, std::size_t count) {
    HeldByName held;
    while (held.closing.size() < count) {
        const std::string name = "ivshmemd.probe." + std::to_string(held.closing.size());
        UniqueFd fd = never_rung();
        held.silent = !fd;
        if (!fd) break;
        std::vector<Command> commands;
        commands.push_back(PassFd{name});
        const Execution run =
            co_await execute(vm, std::move(commands), vm->host().deadlines.query, std::move(fd));
        held.full = run.outcomes[0] == StepOutcome::refused;
        held.silent = !held.full && !run.all_done();
        if (!run.all_done()) break;
        held.closing.push_back(CloseFd{name});
    }
    co_return held;
}

awaitable<void> close_by_name(std::shared_ptr<Vm> vm, std::vector<Command> closing) {
    if (closing.empty()) co_return;
    co_await execute(vm, std::move(closing), vm->host().deadlines.query);
}

AskRoom room_question(const std::shared_ptr<Vm>& vm) {
    return [asked = std::weak_ptr<Vm>(vm)](std::size_t count) { return find_room(asked, count); };
}

}  // namespace ivshmemd
