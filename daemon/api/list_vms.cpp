#include <nlohmann/json.hpp>

#include "daemon/api/methods.h"
#include "daemon/hold/notes.h"
#include "lib/run_state.h"
#include "proto/api/migration_values.h"

namespace ivshmemd {
namespace {

json spell_vm(const Vm& vm, const std::vector<HoldNote>& holds) {
    json object = {{"name", vm.name()},
                   {"qmpSocket", vm.config().qmp_socket},
                   {"state", vm_state_name(vm.state())},
                   {"deviceCount", vm.devices().size()}};
    if (vm.link().in_preconfig()) {
        object["runState"] = preconfig;
    } else if (!vm.run_state().empty() && vm.session()) {
        object["runState"] = vm.run_state();
    }
    if (vm.capabilities()) {
        object["qemuVersion"] = to_string(vm.capabilities()->version);
        object["machineType"] = vm.capabilities()->machine_type;
    }
    if (vm.identity().pid && vm.session()) object["pid"] = *vm.identity().pid;
    if (vm.last_error()) object["lastError"] = *vm.last_error();
    for (const auto& [device, message] : vm.declared().failures()) {
        object["declaredFailures"].push_back({{"device", device}, {"message", message}});
    }
    for (const HoldNote& each : holds) {
        if (each.vm == vm.name()) object["hold"] = api::spell_hold(each);
    }
    return object;
}

}  // namespace

awaitable<Result<Document>> list_vms(std::shared_ptr<CallContext> context) {
    json vms = json::array();
    const std::vector<HoldNote> holds = hold_notes(context->host);
    for (const auto& vm : context->registry.all()) vms.push_back(spell_vm(*vm, holds));
    co_return reply_of({{"vms", std::move(vms)}});
}

}  // namespace ivshmemd
