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
    if (*vm) {
        only = (*vm)->name();
        co_await refresh_for_read(*vm);
    } else {
        co_await refresh_all_for_read(context->registry.all());
    }
    const HostFacts facts = diagnosis_facts(context->host, context->registry);
    co_return reply_of({{"findings", api::spell_findings(diagnose(facts, only))}});
}

}  // namespace ivshmemd
