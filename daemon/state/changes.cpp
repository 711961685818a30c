#include "daemon/state/changes.h"

#include <algorithm>

namespace ivshmemd {
namespace {

bool is_change_of(const ChangeRecord& record, const VmKey& vm) {
    return record.vm == vm.name && record.uuid == vm.uuid && record.run == vm.run;
}

}  // namespace

std::uint64_t new_change_number(const StateStore& store) {
    std::uint64_t number = 1;
    for (const ChangeRecord& each : store.get().changes) {
        number = std::max(number, each.number + 1);
    }
    return number;
}

awaitable<void> remember_change(StateStore& store, std::vector<ChangeRecord> records) {
    if (records.empty()) co_return;
    SavedState state = store.get();
    std::move(records.begin(), records.end(), std::back_inserter(state.changes));
    co_await store.put(std::move(state));
}

awaitable<void> leave_out_of_change(StateStore& store, std::uint64_t number, std::string vm,
                                    std::string device) {
    SavedState state = store.get();
    for (ChangeRecord& each : state.changes) {
        if (each.number != number || each.vm != vm) continue;
        std::erase_if(each.coming, [&](const auto& coming) { return coming.device == device; });
    }
    if (state.changes == store.get().changes) co_return;
    co_await store.put(std::move(state));
}

awaitable<void> forget_change(StateStore& store, std::uint64_t number) {
    SavedState state = store.get();
    const auto gone = std::erase_if(
        state.changes, [&](const ChangeRecord& each) { return each.number == number; });
    if (gone != 0) co_await store.put(std::move(state));
}

awaitable<void> forget_change_of(StateStore& store, std::uint64_t number, VmKey vm) {
    SavedState state = store.get();
    const auto gone = std::erase_if(state.changes, [&](const ChangeRecord& each) {
        return each.number == number && is_change_of(each, vm);
    });
    if (gone != 0) co_await store.put(std::move(state));
}

awaitable<void> forget_ended_changes(StateStore& store, VmKey vm) {
    SavedState state = store.get();
    const auto gone = std::erase_if(state.changes, [&](const ChangeRecord& each) {
        return each.vm == vm.name && !is_change_of(each, vm);
    });
    if (gone != 0) co_await store.put(std::move(state));
}

std::vector<ChangeRecord> changes_of(const StateStore& store, const VmKey& vm) {
    std::vector<ChangeRecord> found;
    for (const ChangeRecord& each : store.get().changes) {
        if (is_change_of(each, vm)) found.push_back(each);
    }
    return found;
}

}  // namespace ivshmemd
