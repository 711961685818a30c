#include <algorithm>
#include <set>

#include "daemon/fleet/diagnosis_facts.h"
#include "daemon/vm/migration_watch.h"

namespace ivshmemd {
namespace {

struct Asked {
    AskedSettings settings;
    std::set<std::string> open;  // VMs that have not answered
};

bool has_master(const Vm& vm) {
    const std::vector<InventoryDevice>& devices = vm.inventory().devices;
    return std::any_of(devices.begin(), devices.end(),
                       [](const InventoryDevice& each) { return !blocks_migration(each.device); });
}

awaitable<void> ask_in_background(std::shared_ptr<Vm> vm, std::shared_ptr<Asked> asked) {
    const Result<MigrationFacts> facts = co_await ask_migration(vm);
    if (facts) asked->settings.emplace(vm->name(), facts->settings);
    asked->open.erase(vm->name());
    vm->changed().notify_all();
}

}  // namespace

awaitable<AskedSettings> ask_migration_settings(std::vector<std::shared_ptr<Vm>> vms) {
    const auto asked = std::make_shared<Asked>();
    for (const auto& vm : vms) {
        if (vm->state() != VmState::connected || vm->stopping() || !has_master(*vm)) continue;
        asked->open.insert(vm->name());
        vm->spawn("question about its migration", ask_in_background(vm, asked));
    }
    if (asked->open.empty()) co_return asked->settings;
    // The question has a deadline of its own, as a reading has. All are waited for together.
    const Milliseconds patience = vms.front()->host().deadlines.refresh;
    const SteadyClock::time_point until = SteadyClock::now() + patience;
    for (const auto& vm : vms) {
        while (asked->open.contains(vm->name()) && SteadyClock::now() < until) {
            co_await vm->changed().wait_until(until);
        }
    }
    co_return asked->settings;
}

}  // namespace ivshmemd
