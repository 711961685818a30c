#include "daemon/state/doorbells.h"

#include <algorithm>

namespace ivshmemd {
namespace {

bool is_of(const DoorbellRecord& record, const VmKey& vm) {
    return record.vm == vm.name && record.uuid == vm.uuid && record.run == vm.run;
}

}  // namespace

std::optional<int> doorbell_top(const StateStore& store, const VmKey& vm,
                                const std::string& device) {
    if (vm.run.empty()) return std::nullopt;
    for (const DoorbellRecord& each : store.get().doorbells) {
        if (is_of(each, vm) && each.device == device) return each.top;
    }
    return std::nullopt;
}

awaitable<void> remember_doorbell(StateStore& store, VmKey vm, std::string device, int top) {
    SavedState state = store.get();
    std::erase_if(state.doorbells, [&](const DoorbellRecord& each) {
        return each.vm == vm.name && (!is_of(each, vm) || each.device == device);
    });
    state.doorbells.push_back({vm.name, vm.uuid, vm.run, device, top});
    co_await store.put(std::move(state));
}

awaitable<void> forget_doorbell(StateStore& store, VmKey vm, std::string device) {
    SavedState state = store.get();
    std::erase_if(state.doorbells, [&](const DoorbellRecord& each) {
        return is_of(each, vm) && each.device == device;
    });
    co_await store.put(std::move(state));
}

}  // namespace ivshmemd
