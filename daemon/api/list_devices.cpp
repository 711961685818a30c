#include <nlohmann/json.hpp>

#include "daemon/api/methods.h"
#include "daemon/hold/notes.h"
#include "daemon/vm/refresh.h"
#include "proto/api/migration_values.h"
#include "proto/api/values.h"

namespace ivshmemd {

awaitable<Result<Document>> list_devices(std::shared_ptr<CallContext> context) {
    const Result<std::shared_ptr<Vm>> named = find_vm(*context);
    if (!named) co_return named.error();
    std::vector<std::shared_ptr<Vm>> vms;
    if (*named) {
        vms.push_back(*named);
    } else {
        vms = context->registry.all();
    }
    co_await refresh_all_for_read(vms);
    json devices = json::array();
    for (const auto& vm : vms) {
        for (const Device& device : vm->devices()) devices.push_back(api::spell_device(device));
    }
    json reply{{"devices", std::move(devices)}};
    std::optional<std::string> only;
    if (*named) only = (*named)->name();
    for (const HoldNote& each : hold_notes(context->host, only)) {
        reply["holds"].push_back(api::spell_hold(each));
    }
    co_return reply_of(std::move(reply));
}

}  // namespace ivshmemd
