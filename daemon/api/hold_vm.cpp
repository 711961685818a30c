#include "daemon/hold/hold.h"

#include <nlohmann/json.hpp>

#include "daemon/api/methods.h"
#include "daemon/hold/notes.h"
#include "daemon/vm/refresh.h"
#include "proto/api/migration_values.h"
#include "proto/api/values.h"

namespace ivshmemd {
namespace {

constexpr std::int64_t default_hold_timeout_ms = 30000;

Result<HoldRequest> read_hold_request(const json& parameters) {
    HoldRequest request;
    request.masters = as_bool(find(parameters, "masters")).value_or(false);
    const Result<std::int64_t> timeout = api::read_timeout_ms(parameters, default_hold_timeout_ms);
    if (!timeout) return timeout.error();
    request.timeout = Milliseconds(*timeout);
    return request;
}

MigrationProgress tell_client(const std::shared_ptr<CallContext>& context) {
    return [context](const MigrationStep& step) { context->reply_early(spell_step(step)); };
}

json spell_specs(const std::vector<DeviceSpec>& specs) {
    json spelled = json::array();
    for (const DeviceSpec& spec : specs) spelled.push_back(api::spell_spec(spec));
    return spelled;
}

Error not_holding(const std::string& vm) {
    return Error(ErrorKind::invalid_parameter,
                 "VM " + vm + " is not held by this connection; 'ivshmemctl list' shows what is",
                 {{"parameter", std::string("vm")}});
}

// Nothing when the connection holds no such VM, which may have gone meanwhile.
std::shared_ptr<Hold> hold_of_connection(const CallContext& context, const std::string& vm) {
    const auto found = context.host.holds.find(vm);
    if (found == context.host.holds.end()) return nullptr;
    const bool ours = found->second->holder.lock() == context.outbox;
    return ours ? found->second : nullptr;
}

std::string in_words(const Hold& hold) {
    std::string text;
    for (const std::string& each : hold.problems) text += (text.empty() ? "" : "; ") + each;
    return text;
}

}  // namespace

awaitable<Result<Document>> hold_vm(std::shared_ptr<CallContext> context) {
    const Result<HoldRequest> request = read_hold_request(context->parameters());
    if (!request) co_return request.error();
    const Result<std::shared_ptr<Vm>> vm = find_vm(*context);
    if (!vm) co_return vm.error();
    co_await wait_connected(*vm, context->host.deadlines.greeting);
    const auto hold = std::make_shared<Hold>();
    hold->holder = context->outbox;
    MigrationProgress progress = tell_client(context);
    const Result<void> held = co_await take_hold(*vm, hold, *request, std::move(progress));
    if (!held) co_return held.error();
    json reply{{"detached", spell_specs(hold->devices)}, {"uuid", (*vm)->uuid()}};
    if (!hold->warnings.empty()) reply["warnings"] = api::spell_reasons(hold->warnings);
    // From here on it lasts as long as the connection does, which may have ended by now.
    Host& host = context->host;
    context->outbox->when_left([&host, name = (*vm)->name(), hold] { end_hold(host, name, hold); });
    co_return reply_of(std::move(reply));
}

awaitable<Result<Document>> release_vm(std::shared_ptr<CallContext> context) {
    const std::string vm = *as_string(find(context->parameters(), "vm"));
    const std::shared_ptr<Hold> hold = hold_of_connection(*context, vm);
    if (!hold) co_return not_holding(vm);
    MigrationProgress progress = tell_client(context);
    const Result<void> released =
        co_await release_hold(context->host, vm, hold, std::move(progress));
    if (!released) co_return released.error();
    json reply{{"result", "back"}};
    if (hold->story.phase() == HoldPhase::left) reply["result"] = "left";
    const std::vector<DeviceSpec> out = left_out(context->host, vm);
    if (!hold->problems.empty()) reply["result"] = "partly";
    if (!hold->problems.empty()) reply["message"] = in_words(*hold);
    reply["out"] = spell_specs(out);
    co_return reply_of(std::move(reply));
}

}  // namespace ivshmemd
