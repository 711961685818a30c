#include "daemon/state/removals.h"

#include <algorithm>

namespace ivshmemd {
namespace {

bool is_of(const RemovalIntent& intent, const VmKey& vm) {
    return intent.vm == vm.name && intent.uuid == vm.uuid;
}

void erase_intent(SavedState& state, const VmKey& vm, const std::string& device) {
    std::erase_if(state.removals, [&](const RemovalIntent& each) {
        return is_of(each, vm) && each.device == device;
    });
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
    SavedState state = store.get();
    erase_intent(state, vm, spec.name);
    state.removals.push_back(
        {vm.name, vm.uuid, spec.name, spec.region.value_or(""), remove_region, vm.run});
    co_await store.put(std::move(state));
}

awaitable<void> drop_intent(StateStore& store, VmKey vm, std::string device) {
    SavedState state = store.get();
    erase_intent(state, vm, device);
    co_await store.put(std::move(state));
}

}  // namespace ivshmemd
