#pragma once

#include <string_view>

#include "daemon/api/service.h"
#include "daemon/transaction/transaction.h"

namespace ivshmemd {

struct MigrationStep;

/// A method of the published interface that this daemon answers.
struct ApiMethod {
    std::string_view name;
    MethodHandler handler;
    Access needs;
    bool needs_more = false;  // only as a call with `more`
};

/// Null for one that is declared and not answered yet.
const ApiMethod* find_api_method(std::string_view name);

/// The VM a call names. BadName, NoSuchVm.
Result<std::shared_ptr<Vm>> find_vm(const CallContext& context);

/// A reply before the last one.
json spell_step(const MigrationStep& step);

/// What Attach and AttachMany answer of one device; `commands` only of a dry run.
json spell_attached(const Attached& attached, bool dry_run);

/// Tells a client how far a transaction is.
TransactionProgress transaction_progress(std::shared_ptr<CallContext> context);

/// A finished reply.
Document reply_of(json parameters);

awaitable<Result<Document>> list_vms(std::shared_ptr<CallContext> context);
awaitable<Result<Document>> probe_vm(std::shared_ptr<CallContext> context);
awaitable<Result<Document>> attach_device(std::shared_ptr<CallContext> context);
awaitable<Result<Document>> detach_device(std::shared_ptr<CallContext> context);
awaitable<Result<Document>> attach_many(std::shared_ptr<CallContext> context);
awaitable<Result<Document>> detach_many(std::shared_ptr<CallContext> context);
awaitable<Result<Document>> apply_topology(std::shared_ptr<CallContext> context);
awaitable<Result<Document>> list_devices(std::shared_ptr<CallContext> context);
awaitable<Result<Document>> list_regions(std::shared_ptr<CallContext> context);
awaitable<Result<Document>> check_migration(std::shared_ptr<CallContext> context);
awaitable<Result<Document>> migrate_vm(std::shared_ptr<CallContext> context);
awaitable<Result<Document>> replug_devices(std::shared_ptr<CallContext> context);
awaitable<Result<Document>> forget_devices_out(std::shared_ptr<CallContext> context);
awaitable<Result<Document>> hold_vm(std::shared_ptr<CallContext> context);
awaitable<Result<Document>> release_vm(std::shared_ptr<CallContext> context);
awaitable<Result<Document>> qemu_arguments(std::shared_ptr<CallContext> context);
awaitable<Result<Document>> remove_region(std::shared_ptr<CallContext> context);
awaitable<Result<Document>> diagnose_vms(std::shared_ptr<CallContext> context);
awaitable<Result<Document>> subscribe(std::shared_ptr<CallContext> context);

}  // namespace ivshmemd
