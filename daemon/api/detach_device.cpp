#include <nlohmann/json.hpp>

#include "daemon/api/methods.h"
#include "daemon/detach/detach.h"
#include "daemon/vm/refresh.h"
#include "lib/names.h"
#include "proto/api/values.h"

namespace ivshmemd {
namespace {

constexpr std::int64_t default_timeout_ms = 30000;

Result<DetachRequest> read_request(const json& parameters) {
    DetachRequest request;
    const std::string* name = as_string(find(parameters, "name"));
    const std::string* path = as_string(find(parameters, "qomPath"));
    if (!name == !path) {
        return Error(ErrorKind::invalid_parameter, "give either a name or a QOM path",
                     {{"parameter", std::string(name ? "qomPath" : "name")}});
    }
    if (name) {
        const Result<void> valid = check_device_name(*name);
        if (!valid) return valid.error();
        request.name = *name;
    } else {
        request.qom_path = *path;
    }
    const Result<std::int64_t> timeout = api::read_timeout_ms(parameters, default_timeout_ms);
    if (!timeout) return timeout.error();
    request.timeout = Milliseconds(*timeout);
    request.remove_region = as_bool(find(parameters, "removeRegion")).value_or(false);
    request.by_hand = true;
    return request;
}

}  // namespace

awaitable<Result<Document>> detach_device(std::shared_ptr<CallContext> context) {
    Result<DetachRequest> request = read_request(context->parameters());
    if (!request) co_return request.error();
    const Result<std::shared_ptr<Vm>> vm = find_vm(*context);
    if (!vm) co_return vm.error();
    co_await wait_connected(*vm, context->host.deadlines.greeting);
    DetachProgress progress = [context](const std::string& phase, const std::string& text) {
        context->reply_early({{"progress", {{"phase", phase}, {"text", text}}}});
    };
    const Result<Detached> result = co_await detach(*vm, std::move(*request), std::move(progress));
    if (!result) co_return result.error();
    co_return reply_of({{"result", *result == Detached::removed ? "removed" : "pending"}});
}

}  // namespace ivshmemd
