#include "daemon/supervise/silence.h"

#include "daemon/base/log.h"
#include "daemon/detach/removal.h"
#include "daemon/migration/recovery.h"
#include "daemon/vm/descriptors.h"
#include "daemon/vm/refresh.h"
#include "proto/qmp/queries.h"

namespace ivshmemd {
namespace {

// Then a QEMU that has not answered is asked no more by itself.
constexpr Milliseconds longest_silence{std::chrono::hours(24)};

awaitable<void> explain_silence(std::shared_ptr<Vm> vm) {
    const std::shared_ptr<qmp::Session> session = vm->session();
    if (!session) co_return;
    const std::optional<bool> alive = co_await session->answers_out_of_band();
    if (vm->session() != session || session->responsive()) co_return;
    std::string why = "QEMU does not answer";
    if (alive) why += *alive ? "; its main loop is blocked" : "; the process is stopped";
    log_warning({vm->name(), ": ", why}, {{"VM", vm->name()}});
    vm->link().explain_silence(why);
    // Should the answer itself be lost, the one to this shows that QEMU goes on.
    qmp::Command command = qmp::query_status();
    co_await session->call(std::move(command), longest_silence);
}

// What QEMU did late is found, what serves no device is deleted, and a migration that was given up
// is undone: as over a new connection.
awaitable<void> settle_silence(std::shared_ptr<Vm> vm) {
    const std::shared_ptr<qmp::Session> session = vm->session();
    const Turn::Pass pass = co_await vm->turn().enter();
    if (vm->session() != session || vm->unavailable()) co_return;
    const bool seen = co_await refresh(vm, vm->host().deadlines.query);
    if (!seen) co_return;
    vm->unsettle();
    if (!vm->capabilities()->kvm) {
        const Gate::Pass numbers = co_await vm->take_numbers();
        co_await release_held(session, vm->host().deadlines.query);
    }
    co_await clean_orphans(vm);
    resume_migration(vm);
}

}  // namespace

void follow_responsiveness(const std::shared_ptr<Vm>& vm, bool responsive) {
    if (!vm->session()) return;
    if (!responsive) {
        vm->link().silent();
        vm->spawn("silence", explain_silence(vm));
        return;
    }
    vm->link().answering();
    vm->doubt();  // what was under way when it fell silent may have happened since
    vm->spawn("end of silence", settle_silence(vm));
}

}  // namespace ivshmemd
