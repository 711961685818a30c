#include "daemon/state/changes.h"

#include <algorithm>
#include <iterator>

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
    const StateStore::Edit edit = [&](SavedState& state) {
        std::move(records.begin(), records.end(), std::back_inserter(state.changes));
        return !records.empty();
    };
    co_await store.change(edit);
}

awaitable<void> leave_out_of_change(StateStore& store, std::uint64_t number, std::string vm,
                                    std::string device) {
    const StateStore::Edit edit = [&](SavedState& state) {
        std::size_t left_out = 0;
        for (ChangeRecord& each : state.changes) {
            if (each.number != number || each.vm != vm) continue;
            left_out += std::erase_if(each.coming,
                                      [&](const auto& coming) { return coming.device == device; });
        }
        return left_out > 0;
    };
    co_await store.change(edit);
}

awaitable<void> forget_change(StateStore& store, std::uint64_t number) {
    const StateStore::Edit edit = [&](SavedState& state) {
        return std::erase_if(state.changes,
                             [&](const ChangeRecord& each) { return each.number == number; }) > 0;
    };
    co_await store.change(edit);
}

awaitable<void> forget_change_of(StateStore& store, std::uint64_t number, VmKey vm) {
    const StateStore::Edit edit = [&](SavedState& state) {
        return std::erase_if(state.changes, [&](const ChangeRecord& each) {
                   return each.number == number && is_change_of(each, vm);
               }) > 0;
    };
    co_await store.change(edit);
}

awaitable<void> forget_ended_changes(StateStore& store, VmKey vm) {
    const StateStore::Edit edit = [&](SavedState& state) {
        return std::erase_if(state.changes, [&](const ChangeRecord& each) {
                   return each.vm == vm.name && !is_change_of(each, vm);
               }) > 0;
    };
    co_await store.change(edit);
}

std::vector<ChangeRecord> changes_of(const StateStore& store, const VmKey& vm) {
    std::vector<ChangeRecord> found;
    for (const ChangeRecord& each : store.get().changes) {
        if (is_change_of(each, vm)) found.push_back(each);
    }
    return found;
}

}  // namespace ivshmemd
