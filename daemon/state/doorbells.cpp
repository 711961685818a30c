#include "daemon/state/doorbells.h"

#include <algorithm>

namespace ivshmemd {
namespace {

bool is_of(const DoorbellRecord& record, const VmKey& vm, const std::string& device) {
    return record.vm == vm.name && record.uuid == vm.uuid && record.run == vm.run &&
           record.device == device;
}

bool is_of_earlier_run(const DoorbellRecord& record, const VmKey& vm) {
    return record.vm == vm.name && record.run != vm.run;
}

}  // namespace

std::optional<DescriptorRange> doorbell_range(const StateStore& store, const VmKey& vm,
                                              const std::string& device) {
    for (const DoorbellRecord& each : store.get().doorbells) {
        if (is_of(each, vm, device)) return each.range;
    }
    return std::nullopt;
}

awaitable<void> remember_doorbell(StateStore& store, VmKey vm, std::string device,
                                  DescriptorRange range) {
    SavedState state = store.get();
    std::erase_if(state.doorbells, [&](const DoorbellRecord& each) {
        return is_of(each, vm, device) || is_of_earlier_run(each, vm);
    });
    state.doorbells.push_back({vm.name, vm.uuid, vm.run, device, range});
    co_await store.put(std::move(state));
}

awaitable<void> forget_doorbell(StateStore& store, VmKey vm, std::string device) {
    SavedState state = store.get();
    std::erase_if(state.doorbells,
                  [&](const DoorbellRecord& each) { return is_of(each, vm, device); });
    co_await store.put(std::move(state));
}

}  // namespace ivshmemd
