#include <nlohmann/json.hpp>

#include "daemon/api/methods.h"
#include "daemon/vm/refresh.h"
#include "lib/topology.h"
#include "proto/api/topology_values.h"
#include "proto/api/values.h"

namespace ivshmemd {
namespace {

constexpr std::int64_t default_guest_patience_ms = 30000;

// One description has so many devices at most, counted by VM.
constexpr std::size_t most_devices = 10000;

struct ApplyRequest {
    api::ReadTopology read;
    Undescribed undescribed = Undescribed::stay;
    TransactionWishes wishes;
};

bool lets_in(const Host& host, const std::string& vm) {
    const auto found = host.vms.find(vm);
    return found != host.vms.end() && host.regions.lets_in(found->second->qemu_user());
}

// Of files that are there, and of those that are made.
void check_modes(const Host& host, ApplyRequest& request) {
    std::set<std::string> looked_at;
    std::map<std::string, mode_t>& modes = request.wishes.modes;
    for (const WantedDevice& each : request.read.topology) {
        const std::string region = each.request.region.value_or(each.request.name);
        const bool counts = !each.mode.empty() && host.regions.places().check(region);
        const bool others = lets_in(host, each.vm);
        const std::string question = region + " " + each.mode + (others ? " others" : "");
        if (!counts || !looked_at.insert(question).second) continue;
        const std::string path = host.regions.path_of(region);
        const mode_t mode = modes.emplace(path, mode_of_digits(each.mode)).first->second;
        Result<void> fits = check_mode(each.mode, path, RegionFiles::inspect(path), others);
        if (fits && mode_digits(mode) != each.mode) {
            fits = Error(ErrorKind::invalid_parameter,
                         path + " is described with mode " + mode_digits(mode) + " as well",
                         {{"parameter", std::string("topology")}});
        }
        if (fits) continue;
        Error fault = fits.error();
        fault.details.emplace_back("key", each.key);
        request.read.faults.push_back(std::move(fault));
    }
}

awaitable<Result<ApplyRequest>> read_apply_request(std::shared_ptr<CallContext> context) {
    const json& parameters = context->parameters();
    ApplyRequest request;
    const Result<std::int64_t> timeout =
        api::read_timeout_ms(parameters, default_guest_patience_ms);
    if (!timeout) co_return timeout.error();
    request.wishes.timeout = Milliseconds(*timeout);
    request.wishes.dry_run = as_bool(find(parameters, "dryRun")).value_or(false);
    const bool prune = as_bool(find(parameters, "prune")).value_or(false);
    if (prune) request.undescribed = Undescribed::go;
    // It may be long.
    const auto read = [context] {
        return api::read_topology(*find(context->parameters(), "topology"));
    };
    request.read = co_await context->host.parser.run(read);
    check_modes(context->host, request);
    if (request.read.topology.size() > most_devices) {
        co_return Error(ErrorKind::invalid_parameter,
                        "a topology has " + std::to_string(most_devices) + " devices at most",
                        {{"parameter", std::string("topology")}});
    }
    co_return request;
}

PresentDevices devices_of(const Vm& vm) {
    PresentDevices present;
    present.devices = vm.devices();
    for (const Device& each : present.devices) {
        const std::string& name = each.spec.name;
        const auto& declarations = vm.host().config.declarations;
        if (find_declaration(declarations, vm.name(), name)) present.kept.push_back(name);
    }
    return present;
}

// What a client that does not prune did not mention is nobody's business.
awaitable<std::map<std::string, PresentDevices>> look_around(std::shared_ptr<CallContext> context,
                                                             const ApplyRequest& request) {
    std::set<std::string> described;
    for (const WantedDevice& each : request.read.topology) described.insert(each.vm);
    std::vector<std::shared_ptr<Vm>> vms;
    for (const std::shared_ptr<Vm>& vm : context->registry.all()) {
        const bool all = request.undescribed == Undescribed::go;
        if (all || described.contains(vm->name())) vms.push_back(vm);
    }
    std::vector<std::shared_ptr<Vm>> doubtful;
    for (const std::shared_ptr<Vm>& vm : vms) {
        if (vm->unavailable() || vm->holdings().doubtful()) doubtful.push_back(vm);
    }
    co_await refresh_all_for_read(std::move(doubtful));
    std::map<std::string, PresentDevices> present;
    for (const std::shared_ptr<Vm>& vm : vms) {
        if (vm->unavailable() && !described.contains(vm->name())) continue;
        present[vm->name()] = devices_of(*vm);
    }
    co_return present;
}

Error with_keys(const ApplyRequest& request, const Result<TransactionResult>& done) {
    std::vector<Error> faults = request.read.faults;
    std::vector<std::string> leftovers;
    std::vector<std::string> returning;
    std::vector<std::string> leaving;
    if (!done) {
        for (const ErrorDetail& each : done.error().details) {
            if (const auto* more = std::get_if<std::vector<Error>>(&each.second)) {
                faults.insert(faults.end(), more->begin(), more->end());
            }
            const auto* left = std::get_if<std::vector<std::string>>(&each.second);
            if (left && each.first == "leftovers") leftovers = *left;
            if (left && each.first == "returning") returning = *left;
            if (left && each.first == "leaving") leaving = *left;
        }
    }
    add_keys(faults, request.read.topology);
    return transaction_error(faults, std::move(leftovers), returning, leaving);
}

std::size_t index_of(const TransactionResult& result, const std::string& vm) {
    std::size_t index = 0;
    while (index < result.vms.size() && result.vms[index].vm != vm) ++index;
    return index;
}

json spell_change(const Change& change, const TransactionResult& result,
                  const std::shared_ptr<Vm>& vm) {
    json object = {
        {"vm", change.vm}, {"device", change.device}, {"action", action_name(change.action)}};
    if (!change.reason.empty()) object["reason"] = change.reason;
    if (change.action == Action::detach) return object;
    if (change.action == Action::keep) {
        const std::optional<Device> device =
            vm ? vm->device(change.device) : std::optional<Device>();
        if (device) object["becomes"] = api::spell_device(*device);
        return object;
    }
    const std::size_t index = index_of(result, change.vm);
    object["becomes"] = api::spell_device(result.vms[index].attached[change.step].device);
    return object;
}

}  // namespace

awaitable<Result<Document>> apply_topology(std::shared_ptr<CallContext> context) {
    Result<ApplyRequest> request = co_await read_apply_request(context);
    if (!request) co_return request.error();
    const auto present = co_await look_around(context, *request);
    Difference difference = compare(request->read.topology, present, request->undescribed);
    // What is sound of a faulty description is checked all the same: all faults are told at once.
    TransactionWishes wishes = std::move(request->wishes);
    wishes.dry_run = wishes.dry_run || !request->read.faults.empty();
    TransactionProgress progress = transaction_progress(context);
    const Result<TransactionResult> done = co_await run_transaction(
        context->host, std::move(difference.plans), std::move(wishes), std::move(progress));
    if (!done || !request->read.faults.empty()) co_return with_keys(*request, done);
    json changes = json::array();
    bool changed = false;
    for (const Change& each : difference.changes) {
        changed = changed || each.action != Action::keep;
        changes.push_back(spell_change(each, *done, context->registry.find(each.vm)));
    }
    co_return reply_of({{"changes", std::move(changes)}, {"changed", changed}});
}

}  // namespace ivshmemd
