#include "daemon/state/removals.h"

#include <algorithm>

namespace ivshmemd {
namespace {

bool is_of(const RemovalIntent& intent, const VmKey& vm) {
    return intent.vm == vm.name && intent.uuid == vm.uuid;
}

}  // namespace

std::vector<RemovalIntent> removal_intents(const StateStore& store, const VmKey& vm) {
    std::vector<RemovalIntent> intents;
    for (const RemovalIntent& each : store.get().removals) {
        if (is_of(each, vm)) intents.push_back(each);
    }
    return intents;
}

awaitable<void> save_intent(StateStore& store, VmKey vm, DeviceSpec spec, bool remove_region) {
    const StateStore::Edit edit = [&](SavedState& state) {
        RemovalIntent intent{vm.name,       vm.uuid, spec.name, spec.region.value_or(""),
                             remove_region, vm.run};
        return replace_record(state.removals, std::move(intent), [&](const RemovalIntent& each) {
            return is_of(each, vm) && each.device == spec.name;
        });
    };
    co_await store.change(edit);
}

awaitable<void> drop_intent(StateStore& store, VmKey vm, std::string device) {
    const StateStore::Edit edit = [&](SavedState& state) {
        return std::erase_if(state.removals, [&](const RemovalIntent& each) {
                   return is_of(each, vm) && each.device == device;
               }) > 0;
    };
    co_await store.change(edit);
}

}  // namespace ivshmemd
