#include "daemon/migration/forget.h"

#include <nlohmann/json.hpp>

#include "daemon/api/methods.h"
#include "lib/names.h"
#include "proto/api/migration_values.h"

namespace ivshmemd {

// The VM need not be there.
awaitable<Result<Document>> forget_devices_out(std::shared_ptr<CallContext> context) {
    const std::string vm = *as_string(find(context->parameters(), "vm"));
    const Result<void> valid = check_vm_name(vm);
    if (!valid) co_return valid.error();
    std::optional<std::string> uuid;
    if (const std::string* given = as_string(find(context->parameters(), "uuid"))) uuid = *given;
    const Result<std::vector<DeviceSpec>> forgotten =
        co_await forget_what_is_out(context->host, vm, uuid);
    if (!forgotten) co_return forgotten.error();
    json devices = json::array();
    for (const DeviceSpec& spec : *forgotten) devices.push_back(api::spell_spec(spec));
    co_return reply_of({{"forgotten", std::move(devices)}});
}

}  // namespace ivshmemd
