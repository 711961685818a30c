#include <nlohmann/json.hpp>

#include "daemon/api/methods.h"
#include "daemon/migration/migrate.h"
#include "daemon/vm/refresh.h"
#include "proto/api/migration_values.h"
#include "proto/api/values.h"

namespace ivshmemd {
namespace {

constexpr std::int64_t default_peers_timeout_ms = 30000;

Result<MigrateRequest> read_migrate_request(const json& parameters) {
    MigrateRequest request;
    request.uri = *as_string(find(parameters, "uri"));
    const Result<ListenAddress> target = parse_migration_uri(request.uri);
    if (!target) return target.error();
    request.wishes.detach_peers = as_bool(find(parameters, "detachPeers")).value_or(false);
    request.wishes.force = as_bool(find(parameters, "force")).value_or(false);
    const Result<std::int64_t> timeout = api::read_timeout_ms(parameters, default_peers_timeout_ms);
    if (!timeout) return timeout.error();
    request.timeout = Milliseconds(*timeout);
    return request;
}

}  // namespace

json spell_step(const MigrationStep& step) {
    json progress = {{"phase", step.phase}, {"text", step.text}};
    if (step.done) progress["done"] = *step.done;
    if (step.total) progress["total"] = *step.total;
    return {{"progress", std::move(progress)}};
}

awaitable<Result<Document>> migrate_vm(std::shared_ptr<CallContext> context) {
    Result<MigrateRequest> request = read_migrate_request(context->parameters());
    if (!request) co_return request.error();
    const Result<std::shared_ptr<Vm>> vm = find_vm(*context);
    if (!vm) co_return vm.error();
    co_await wait_connected(*vm, context->host.deadlines.greeting);
    MigrationProgress progress = [context](const MigrationStep& step) {
        context->reply_early(spell_step(step));
    };
    const Result<Migrated> migrated =
        co_await migrate(*vm, std::move(*request), std::move(progress));
    if (!migrated) co_return migrated.error();
    json devices = json::array();
    for (const DeviceSpec& spec : migrated->detached) devices.push_back(api::spell_spec(spec));
    co_return reply_of(
        {{"status", "completed"}, {"detached", std::move(devices)}, {"uuid", (*vm)->uuid()}});
}

}  // namespace ivshmemd
