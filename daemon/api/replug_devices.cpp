#include <nlohmann/json.hpp>

#include "daemon/api/methods.h"
#include "daemon/migration/replug.h"
#include "daemon/vm/refresh.h"
#include "proto/api/migration_values.h"
#include "proto/api/values.h"

namespace ivshmemd {

awaitable<Result<Document>> replug_devices(std::shared_ptr<CallContext> context) {
    std::optional<std::vector<DeviceSpec>> specs;
    const json* given = find(context->parameters(), "devices");
    if (as_array(given)) {
        Result<std::vector<DeviceSpec>> read = api::read_specs(*given);
        if (!read) co_return read.error();
        specs = std::move(*read);
    }
    const Result<std::shared_ptr<Vm>> vm = find_vm(*context);
    if (!vm) co_return vm.error();
    co_await wait_connected(*vm, context->host.deadlines.greeting);
    const Result<std::vector<Device>> plugged = co_await replug(*vm, std::move(specs));
    if (!plugged) co_return plugged.error();
    json devices = json::array();
    for (const Device& device : *plugged) devices.push_back(api::spell_device(device));
    co_return reply_of({{"devices", std::move(devices)}});
}

}  // namespace ivshmemd
