#include <nlohmann/json.hpp>
#include <set>

#include "daemon/api/methods.h"
#include "lib/names.h"
#include "proto/api/values.h"

namespace ivshmemd {
namespace {

constexpr std::int64_t default_patience_ms = 30000;

Error bad_vms(std::string message) {
    return Error(ErrorKind::invalid_parameter, std::move(message),
                 {{"parameter", std::string("vms")}});
}

// One plan for each VM that is named; what it is for is still to be filled in.
Result<std::vector<VmPlan>> read_vms(const json& parameters) {
    std::vector<VmPlan> plans;
    std::set<std::string> names;
    for (const json& each : *as_array(find(parameters, "vms"))) {
        const std::string& name = *as_string(&each);
        if (!names.insert(name).second) {
            return bad_vms("VM '" + printable(name, 80) + "' is named twice");
        }
        plans.push_back({name, {}, {}});
    }
    if (plans.empty()) return bad_vms("name at least one VM");
    return plans;
}

Result<Milliseconds> read_patience(const json& parameters) {
    const Result<std::int64_t> timeout = api::read_timeout_ms(parameters, default_patience_ms);
    if (!timeout) return timeout.error();
    return Milliseconds(*timeout);
}

std::string joined(const std::vector<std::string>& lines) {
    std::string text;
    for (const std::string& line : lines) text += (text.empty() ? "" : "; ") + line;
    return text;
}

}  // namespace

TransactionProgress transaction_progress(std::shared_ptr<CallContext> context) {
    return [context = std::move(context)](const TransactionStep& step) {
        context->reply_early({{"progress",
                               {{"phase", step.phase},
                                {"text", step.text},
                                {"done", step.done},
                                {"total", step.total}}}});
    };
}

awaitable<Result<Document>> attach_many(std::shared_ptr<CallContext> context) {
    const json& parameters = context->parameters();
    const Result<DeviceRequest> request = api::read_device_request(parameters);
    if (!request) co_return request.error();
    Result<std::vector<VmPlan>> plans = read_vms(parameters);
    if (!plans) co_return plans.error();
    const Result<Milliseconds> timeout = read_patience(parameters);
    if (!timeout) co_return timeout.error();
    for (VmPlan& plan : *plans) plan.attach.push_back(*request);
    TransactionWishes wishes;
    wishes.dry_run = as_bool(find(parameters, "dryRun")).value_or(false);
    wishes.timeout = *timeout;
    TransactionProgress progress = transaction_progress(context);
    const Result<TransactionResult> done =
        co_await run_transaction(context->host, std::move(*plans), wishes, std::move(progress));
    if (!done) co_return done.error();
    json results = json::array();
    for (const Changed& each : done->vms) {
        results.push_back(spell_attached(each.attached.front(), wishes.dry_run));
    }
    co_return reply_of({{"results", std::move(results)}});
}

awaitable<Result<Document>> detach_many(std::shared_ptr<CallContext> context) {
    const json& parameters = context->parameters();
    const std::string name = *as_string(find(parameters, "name"));
    const Result<void> valid = check_device_name(name);
    if (!valid) co_return valid.error();
    Result<std::vector<VmPlan>> plans = read_vms(parameters);
    if (!plans) co_return plans.error();
    const Result<Milliseconds> timeout = read_patience(parameters);
    if (!timeout) co_return timeout.error();
    for (VmPlan& plan : *plans) plan.detach.push_back(name);
    TransactionWishes wishes;
    wishes.timeout = *timeout;
    wishes.may_pend = *timeout == Milliseconds(0);
    wishes.remove_regions = as_bool(find(parameters, "removeRegion")).value_or(false);
    TransactionProgress progress = transaction_progress(context);
    const Result<TransactionResult> done =
        co_await run_transaction(context->host, std::move(*plans), wishes, std::move(progress));
    if (!done) co_return done.error();
    json results = json::array();
    for (const Changed& each : done->vms) {
        const bool gone = each.detached.front() == Detached::removed;
        results.push_back({{"vm", each.vm}, {"result", gone ? "removed" : "pending"}});
    }
    json reply{{"results", std::move(results)}};
    if (!done->kept_regions.empty()) reply["regionKept"] = joined(done->kept_regions);
    co_return reply_of(std::move(reply));
}

}  // namespace ivshmemd
