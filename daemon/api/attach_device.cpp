#include <nlohmann/json.hpp>

#include "daemon/api/methods.h"
#include "daemon/attach/attach.h"
#include "daemon/state/declared.h"
#include "daemon/state/migrations.h"
#include "daemon/vm/refresh.h"
#include "proto/api/values.h"

namespace ivshmemd {

json spell_attached(const Attached& attached, bool dry_run) {
    json object = {{"device", api::spell_device(attached.device)}, {"changed", attached.changed}};
    if (!attached.warning.empty()) object["warning"] = attached.warning;
    if (!dry_run) return object;
    json commands = json::array();
    for (const qmp::Command& command : attached.commands) {
        commands.push_back(qmp::command_object(command));
    }
    object["commands"] = std::move(commands);
    return object;
}

awaitable<Result<Document>> attach_device(std::shared_ptr<CallContext> context) {
    Result<DeviceRequest> request = api::read_device_request(context->parameters());
    if (!request) co_return request.error();
    const Result<std::shared_ptr<Vm>> vm = find_vm(*context);
    if (!vm) co_return vm.error();
    co_await wait_connected(*vm, context->host.deadlines.greeting);
    const bool dry_run = as_bool(find(context->parameters(), "dryRun")).value_or(false);
    const Result<Attached> attached = co_await attach(*vm, std::move(*request), dry_run);
    if (!attached) co_return attached.error();
    if (attached->changed && !dry_run) {
        const std::string& name = attached->device.spec.name;
        (*vm)->declared().mend(name);
        // Nobody has to bring back what is there.
        const std::set<std::string> names{name};
        co_await forget_devices(*(*vm)->host().store, (*vm)->name(), (*vm)->uuid(), names);
        co_await note_by_hand(*(*vm)->host().store, (*vm)->key(), name);
    }
    co_return reply_of(spell_attached(*attached, dry_run));
}

}  // namespace ivshmemd
