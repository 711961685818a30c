#include "daemon/attach/ram_block.h"

#include <algorithm>

#include "daemon/vm/executor.h"
#include "lib/names.h"
#include "proto/qmp/queries.h"

namespace ivshmemd {
namespace {

// Between two looks at QEMU's RAM blocks.
constexpr Milliseconds ram_block_pause{50};

// What QEMU calls the memory of a device that got it from a server.
constexpr const char* server_memory_block = "ivshmem.bar2";

// A legacy device has memory of its own, whatever it was tried with.
std::string memory_block_of(const DeviceSpec& spec, const std::string& backend_id) {
    if (spec.server) return server_memory_block;
    if (spec.model == Model::legacy) return device_id(spec.name) + "/internal-shm-backend";
    return backend_id;
}

// A device left this slot a moment ago, or may have.
bool is_doubtful(const Vm& vm, const DeviceSpec& spec) {
    if (SteadyClock::now() < vm.holdings().unsettled_until()) return true;
    const std::vector<VacatedSlot> vacated = vm.vacated();
    return std::any_of(vacated.begin(), vacated.end(), [&](const VacatedSlot& each) {
        return each.place == Placement{spec.bus, spec.slot} && each.age < slot_rest;
    });
}

Error still_there(const Vm& vm, const std::string& backend) {
    return Error(ErrorKind::operation_in_progress,
                 "the QEMU of VM " + vm.name() + " still has the memory of an earlier backend " +
                     backend + ", and would end if a second one came to its slot; try again");
}

}  // namespace

awaitable<Result<void>> await_unregistered(std::shared_ptr<Vm> vm, DeviceSpec spec,
                                           std::string backend_id) {
    const std::string what = "the attach of " + spec.name;
    const std::string block = memory_block_of(spec, backend_id);
    bool told = false;
    while (is_doubtful(*vm, spec)) {
        const std::shared_ptr<qmp::Session> session = vm->session();
        if (!session) co_return gone_error(*vm, what);
        qmp::Command command = qmp::list_ram_blocks();
        const qmp::Answer answer =
            co_await session->call(std::move(command), vm->host().deadlines.query);
        if (const auto unavailable = vm->unavailable()) co_return *unavailable;
        if (answer.kind == qmp::Answer::Kind::timed_out) {
            co_return silence_error(*vm, what, "undone");
        }
        told = answer.ok();
        if (told && !qmp::mentions_backend(answer.get(), block)) co_return Result<void>();
        co_await vm->sleep_until(SteadyClock::now() + ram_block_pause);
    }
    if (const auto unavailable = vm->unavailable()) co_return *unavailable;
    // Other devices of servers have blocks of that name, too.
    if (told && !spec.server) co_return still_there(*vm, block);
    co_return Result<void>();
}

}  // namespace ivshmemd
