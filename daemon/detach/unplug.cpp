#include "daemon/detach/unplug.h"

#include "daemon/state/removals.h"
#include "daemon/vm/executor.h"
#include "daemon/vm/refresh.h"
#include "daemon/vm/vm.h"
#include "lib/names.h"
#include "proto/qmp/dialect.h"

namespace ivshmemd {

awaitable<Result<void>> ask_guest(std::shared_ptr<Vm> vm, InventoryDevice entry, Asking asking) {
    const std::string path = entry.device.qom_path;
    const std::string what = "the detach of " + entry.device.spec.name;
    const std::string id = entry.id.empty() ? path : entry.id;
    vm->asking(path);
    std::vector<Command> commands;
    commands.push_back(DelDevice{id});
    const Execution run = co_await execute(vm, std::move(commands), vm->host().deadlines.query);
    vm->answered(path);
    const qmp::Answer& answer = run.answers[0];
    switch (answer.kind) {
        case qmp::Answer::Kind::value:
            co_return Result<void>();
        case qmp::Answer::Kind::disconnected:
            co_return gone_error(*vm, what);
        case qmp::Answer::Kind::timed_out:
            co_return silence_error(*vm, what, "unknown");
        case qmp::Answer::Kind::not_sent:
            if (asking == Asking::again) co_return busy_error(*vm, what);
            vm->withdraw_departure(path);  // nothing has changed
            co_await drop_intent(*vm->host().store, vm->key(), entry.device.spec.name);
            co_return busy_error(*vm, what);
        case qmp::Answer::Kind::refused:
            break;
    }
    switch (qmp::classify_unplug_refusal(answer.error)) {
        case qmp::UnplugRefusal::already_pending:
        case qmp::UnplugRefusal::guest_busy:
            co_return Result<void>();  // and asked again, should nothing come of it
        case qmp::UnplugRefusal::no_such_device:
            co_await refresh(vm, vm->host().deadlines.query);  // its event is on the way
            co_return Result<void>();
        case qmp::UnplugRefusal::other:
            break;
    }
    vm->refuse_departure(path, printable(answer.error.description));
    co_await drop_intent(*vm->host().store, vm->key(), entry.device.spec.name);
    co_return qemu_error(DelDevice{id}, answer.error, {}, vm->capabilities()->version);
}

}  // namespace ivshmemd
