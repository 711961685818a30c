#include "daemon/vm/preconfig.h"

#include "daemon/base/log.h"
#include "daemon/vm/vm.h"
#include "lib/run_state.h"
#include "proto/qmp/queries.h"

namespace ivshmemd {
namespace {

awaitable<bool> still_has_none(std::shared_ptr<qmp::Session> session, Milliseconds deadline) {
    qmp::Command command = qmp::query_kvm();
    const qmp::Answer answer = co_await session->call(std::move(command), deadline);
    co_return answer.kind ==
        qmp::Answer::Kind::refused&& qmp::says_no_machine(answer.error.description);
}

}  // namespace

bool has_no_machine(const Error& error) {
    if (error.details.empty()) return false;
    const auto* state = std::get_if<std::string>(&error.details.front().second);
    return state && *state == preconfig;
}

awaitable<void> await_machine(std::shared_ptr<Vm> vm, std::shared_ptr<qmp::Session> session) {
    while (true) {
        const bool waits = co_await still_has_none(session, vm->host().deadlines.query);
        if (!waits || session->cause()) co_return;
        if (!vm->link().in_preconfig()) {
            log_info({vm->name(), ": its QEMU has made no machine yet (-preconfig)"},
                     {{"VM", vm->name()}});
        }
        vm->link().preconfiguring();
        vm->link().end_attempt();  // whoever asked meanwhile need not wait for the machine
        co_await vm->link().wait_retry(SteadyClock::now() + vm->host().deadlines.no_machine);
    }
}

}  // namespace ivshmemd
