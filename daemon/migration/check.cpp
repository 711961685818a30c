#include "daemon/migration/check.h"

#include <algorithm>

#include "daemon/state/migrations.h"
#include "daemon/vm/executor.h"
#include "daemon/vm/migration_watch.h"
#include "daemon/vm/refresh.h"
#include "lib/migration/destination.h"
#include "lib/resolve.h"

namespace ivshmemd {
namespace {

void add_sharers(const Vm& vm, const InventoryDevice& entry, std::vector<RegionSharer>& sharers) {
    const DeviceSpec& spec = entry.device.spec;
    const Mapping memory = vm.memory_of(entry);
    for (std::string& user : vm.host().region_users.find_sharers(memory, vm.name())) {
        const std::string region = spec.region.value_or(spec.server.value_or(entry.memory_path));
        sharers.push_back({spec.name, region, std::move(user)});
    }
}

std::vector<RegionSharer> sharers_of(const Vm& vm) {
    std::vector<RegionSharer> sharers;
    for (const InventoryDevice& entry : vm.inventory().devices) {
        if (!blocks_migration(entry.device)) add_sharers(vm, entry, sharers);
    }
    return sharers;
}

bool waits_at(const MigrationFacts& facts, const ListenAddress& target, bool same_vm) {
    if (facts.listens.empty()) return same_vm;
    return std::any_of(
        facts.listens.begin(), facts.listens.end(),
        [&](const ListenAddress& listener) { return reaches(target, listener, same_vm); });
}

}  // namespace

MigrationVerdict judge_vm(const Vm& vm, const MigrationFacts& facts) {
    return judge_migration(vm.devices(), facts, vm.run_state(), sharers_of(vm),
                           vm.capabilities().value_or(Capabilities()));
}

awaitable<Result<MigrationVerdict>> check_vm_migration(std::shared_ptr<Vm> vm) {
    co_await refresh_for_read(vm);
    if (const auto unavailable = vm->unavailable()) co_return *unavailable;
    const Result<MigrationFacts> facts = co_await ask_migration(vm);
    if (!facts) co_return facts.error();
    co_return judge_vm(*vm, *facts);
}

awaitable<std::shared_ptr<Vm>> find_destination(std::shared_ptr<Vm> source, ListenAddress target) {
    const std::map<std::string, std::shared_ptr<Vm>> vms = source->host().vms;
    for (const auto& [name, vm] : vms) {
        if (vm == source || vm->unavailable() || vm->run_state() != "inmigrate") continue;
        const Result<MigrationFacts> facts = co_await ask_migration(vm);
        const bool same_vm = vm->uuid() == source->uuid() && is_real_uuid(vm->uuid());
        if (facts && waits_at(*facts, target, same_vm)) co_return vm;
    }
    co_return nullptr;
}

awaitable<Result<void>> check_destination(std::shared_ptr<Vm> source,
                                          std::shared_ptr<Vm> destination,
                                          std::vector<DeviceSpec> peers) {
    if (!co_await refresh(destination, destination->host().deadlines.query)) {
        co_return silence_error(*destination, "the check of the destination", "undone");
    }
    const std::vector<Reason> reasons =
        judge_destination(source->inventory(), destination->inventory(), destination->name());
    if (!reasons.empty()) {
        const MigrationVerdict verdict{reasons};
        co_return migration_blocked(source->name(), verdict, reasons);
    }
    for (const DeviceSpec& spec : peers) {
        const Result<Model> model =
            resolve_model(request_again(spec), *destination->capabilities());
        if (model) continue;
        Error error = model.error();
        error.message = "the destination " + destination->name() + " cannot take " + spec.name +
                        " back: " + error.message;
        co_return error;
    }
    co_return Result<void>();
}

}  // namespace ivshmemd
