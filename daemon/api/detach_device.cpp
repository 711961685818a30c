#include <nlohmann/json.hpp>

#include "daemon/api/methods.h"
#include "daemon/base/signal.h"
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

std::string device_of(const DetachRequest& request) {
    if (!request.qom_path) return request.name;
    const std::string id = request.qom_path->substr(request.qom_path->rfind('/') + 1);
    return name_of_device_id(id).value_or(id);
}

// Hears what came of the region: the event that ends the removal says so, after the device has
// gone.
class RegionEnd {
  public:
    RegionEnd(Host& host, std::string vm, std::string device)
        : told_(host.executor),
          subscription_(host.events.subscribe(
              [this, vm = std::move(vm), device = std::move(device)](const Event& event) {
                  const bool ends = event.kind == EventKind::detached && event.vm == vm;
                  if (!ends || event.device != device) return;
                  detail_ = event.detail;
                  told_.notify_all();
              })) {}

    /// Why the region stays; empty once it is gone.
    awaitable<std::string> wait_until(SteadyClock::time_point deadline) {
        while (!detail_ && SteadyClock::now() < deadline) co_await told_.wait_until(deadline);
        co_return detail_.value_or("it is not known yet whether it can go; see its log");
    }

  private:
    std::optional<std::string> detail_;
    Signal told_;
    Events::Subscription subscription_;  // last: it uses the others
};

// Beyond the time that is given to those who have the region open.
constexpr Milliseconds bookkeeping{1000};

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
    const bool removes_region = request->remove_region;
    RegionEnd end(context->host, (*vm)->name(), device_of(*request));
    const Result<Detached> result = co_await detach(*vm, std::move(*request), std::move(progress));
    if (!result) co_return result.error();
    json reply{{"result", *result == Detached::removed ? "removed" : "pending"}};
    if (removes_region && *result == Detached::removed) {
        const Milliseconds patience = context->host.deadlines.region_free + bookkeeping;
        const std::string kept = co_await end.wait_until(SteadyClock::now() + patience);
        if (!kept.empty()) reply["regionKept"] = kept;
    }
    co_return reply_of(std::move(reply));
}

}  // namespace ivshmemd
