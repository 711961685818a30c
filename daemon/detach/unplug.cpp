#include "daemon/detach/unplug.h"

#include "daemon/vm/executor.h"
#include "daemon/vm/refresh.h"
#include "lib/names.h"
#include "proto/qmp/dialect.h"

namespace ivshmemd {
namespace {

// How often to look whether a VM that does not run does now, should nothing tell.
constexpr Milliseconds idle_look{60000};

Removal* find_removal(Vm& vm, const std::string& path) {
    const auto removal = vm.removals().find(path);
    return removal == vm.removals().end() ? nullptr : &removal->second;
}

void request_stands(Vm& vm, const std::string& path) {
    if (Removal* removal = find_removal(vm, path)) removal->doubtful = false;
}

awaitable<void> insist(std::shared_ptr<Vm> vm, std::string path) {
    const std::shared_ptr<qmp::Session> session = vm->session();
    while (session && vm->session() == session && !vm->stopping()) {
        const Removal* removal = find_removal(*vm, path);
        const InventoryDevice* entry = find_by_path(vm->inventory(), path);
        if (!removal || !removal->doubtful || removal->refusal || !entry) break;
        const bool running = vm->run_state() == "running";
        if (running && removal->again <= SteadyClock::now()) {
            InventoryDevice device = *entry;
            const Result<void> sent = co_await ask_guest(vm, std::move(device));
            if (!sent) break;
        } else {
            co_await vm->changed().wait_until(running ? removal->again
                                                      : SteadyClock::now() + idle_look);
        }
    }
    request_stands(*vm, path);  // or is somebody else's affair
}

}  // namespace

awaitable<Result<void>> ask_guest(std::shared_ptr<Vm> vm, InventoryDevice entry) {
    const std::string path = entry.device.qom_path;
    const std::string what = "the detach of " + entry.device.spec.name;
    const std::string id = entry.id.empty() ? path : entry.id;
    const auto next = [&] { return SteadyClock::now() + vm->host().deadlines.unplug_again; };
    if (Removal* removal = find_removal(*vm, path)) removal->again = next();
    std::vector<Command> commands;
    commands.push_back(DelDevice{id});
    const Execution run = co_await execute(vm, std::move(commands), vm->host().deadlines.query);
    if (Removal* removal = find_removal(*vm, path)) removal->again = next();
    const qmp::Answer& answer = run.answers[0];
    switch (answer.kind) {
        case qmp::Answer::Kind::value:
            request_stands(*vm, path);
            co_return Result<void>();
        case qmp::Answer::Kind::disconnected:
            co_return gone_error(*vm, what);
        case qmp::Answer::Kind::timed_out:
            co_return silence_error(*vm, what, "unknown");
        case qmp::Answer::Kind::refused:
            break;
    }
    switch (qmp::classify_unplug_refusal(answer.error)) {
        case qmp::UnplugRefusal::already_pending:
            request_stands(*vm, path);
            co_return Result<void>();
        case qmp::UnplugRefusal::guest_busy:
            doubt_removal(vm, path);
            co_return Result<void>();
        case qmp::UnplugRefusal::no_such_device:
            co_await refresh(vm, vm->host().deadlines.query);  // its event is on the way
            co_return Result<void>();
        case qmp::UnplugRefusal::other:
            break;
    }
    vm->removals()[path].refusal = printable(answer.error.description);
    co_return qemu_error(DelDevice{id}, answer.error, {}, vm->capabilities()->version);
}

void doubt_removal(const std::shared_ptr<Vm>& vm, const std::string& qom_path) {
    Removal* removal = find_removal(*vm, qom_path);
    if (!removal || removal->refusal) return;
    removal->again = SteadyClock::now() + vm->host().deadlines.unplug_again;
    if (removal->doubtful) return;  // it is being repeated already
    removal->doubtful = true;
    spawn(vm->host().executor, "removal of " + qom_path, insist(vm, qom_path));
}

void doubt_removals(const std::shared_ptr<Vm>& vm) {
    for (const auto& [path, removal] : vm->removals()) doubt_removal(vm, path);
}

}  // namespace ivshmemd
