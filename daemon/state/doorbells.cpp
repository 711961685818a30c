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
    const StateStore::Edit edit = [&](SavedState& state) {
        DoorbellRecord record{vm.name, vm.uuid, vm.run, device, range};
        return replace_record(state.doorbells, std::move(record), [&](const DoorbellRecord& each) {
            return is_of(each, vm, device) || is_of_earlier_run(each, vm);
        });
    };
    co_await store.change(edit);
}

awaitable<void> forget_doorbell(StateStore& store, VmKey vm, std::string device) {
    const StateStore::Edit edit = [&](SavedState& state) {
        return std::erase_if(state.doorbells, [&](const DoorbellRecord& each) {
                   return is_of(each, vm, device);
               }) > 0;
    };
    co_await store.change(edit);
}

}  // namespace ivshmemd
