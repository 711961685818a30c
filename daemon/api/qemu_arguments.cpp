#include <nlohmann/json.hpp>

#include "daemon/api/methods.h"
#include "daemon/vm/refresh.h"
#include "proto/qmp/command_line.h"

namespace ivshmemd {

awaitable<Result<Document>> qemu_arguments(std::shared_ptr<CallContext> context) {
    const Result<std::shared_ptr<Vm>> vm = find_vm(*context);
    if (!vm) co_return vm.error();
    co_await refresh_for_read(*vm);
    if (const auto unavailable = (*vm)->unavailable()) co_return *unavailable;
    co_return reply_of({{"arguments", qmp::receiver_arguments((*vm)->inventory())}});
}

}  // namespace ivshmemd
