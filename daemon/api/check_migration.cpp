#include <nlohmann/json.hpp>

#include "daemon/api/methods.h"
#include "daemon/migration/check.h"
#include "proto/api/migration_values.h"

namespace ivshmemd {

awaitable<Result<Document>> check_migration(std::shared_ptr<CallContext> context) {
    const Result<std::shared_ptr<Vm>> vm = find_vm(*context);
    if (!vm) co_return vm.error();
    const Result<MigrationVerdict> verdict = co_await check_vm_migration(*vm);
    if (!verdict) co_return verdict.error();
    co_return reply_of(
        {{"allowed", verdict->allowed()}, {"reasons", api::spell_reasons(verdict->reasons)}});
}

}  // namespace ivshmemd
