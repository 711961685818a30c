#include "daemon/attach/ram_block.h"

#include "daemon/vm/vm.h"
#include "proto/qmp/queries.h"

namespace ivshmemd {
namespace {

// Between two looks at QEMU's RAM blocks.
constexpr Milliseconds ram_block_pause{50};

}  // namespace

awaitable<bool> await_unregistered(std::shared_ptr<Vm> vm, std::string block) {
    while (SteadyClock::now() < vm->holdings().unsettled_until()) {
        const std::shared_ptr<qmp::Session> session = vm->session();
        if (!session) co_return false;
        qmp::Command command = qmp::list_ram_blocks();
        const qmp::Answer answer =
            co_await session->call(std::move(command), vm->host().deadlines.query);
        if (answer.kind == qmp::Answer::Kind::timed_out || vm->unavailable()) co_return false;
        if (answer.ok() && !qmp::mentions_backend(answer.get(), block)) break;
        co_await vm->sleep_until(SteadyClock::now() + ram_block_pause);
    }
    co_return !vm->unavailable();
}

}  // namespace ivshmemd
