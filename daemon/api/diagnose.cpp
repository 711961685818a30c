#include <nlohmann/json.hpp>

#include "daemon/api/methods.h"
#include "daemon/fleet/diagnosis_facts.h"
#include "daemon/vm/refresh.h"
#include "proto/api/diagnosis_values.h"

namespace ivshmemd {

awaitable<Result<Document>> diagnose_vms(std::shared_ptr<CallContext> context) {
    const Result<std::shared_ptr<Vm>> vm = find_vm(*context);
    if (!vm) co_return vm.error();
    std::optional<std::string> only;
    std::vector<std::shared_ptr<Vm>> vms = context->registry.all();
    if (*vm) {
        only = (*vm)->name();
        vms = {*vm};
    }
    co_await refresh_all_for_read(vms);
    const AskedSettings settings = co_await ask_migration_settings(vms);
    const HostFacts facts = diagnosis_facts(context->host, context->registry, settings);
    co_return reply_of({{"findings", api::spell_findings(diagnose(facts, only))}});
}

}  // namespace ivshmemd
