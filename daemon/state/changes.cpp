#include "daemon/state/changes.h"

#include <algorithm>
#include <iterator>

namespace ivshmemd {
namespace {

// Regions that nobody is to take back any more are like all others.
void settle_regions(SavedState& state, std::uint64_t number) {
    const bool goes_on =
        std::any_of(state.changes.begin(), state.changes.end(),
                    [&](const ChangeRecord& each) { return each.number == number; });
    if (goes_on) return;
    for (CreatedRegion& each : state.regions) {
        if (each.change == number) each.change = 0;
    }
}

}  // namespace

std::uint64_t new_change_number(const StateStore& store) {
    std::uint64_t number = 1;
    for (const ChangeRecord& each : store.get().changes) {
        number = std::max(number, each.number + 1);
    }
    for (const CreatedRegion& each : store.get().regions) {
        number = std::max(number, each.change + 1);
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
            left_out += std::erase(each.coming, device);
        }
        return left_out > 0;
    };
    co_await store.change(edit);
}

awaitable<void> end_change(StateStore& store, std::uint64_t number, DevicesOfVms left) {
    const StateStore::Edit edit = [&](SavedState& state) {
        std::size_t ended = std::erase_if(state.changes, [&](const ChangeRecord& each) {
            return each.number == number && !left.contains(each.vm);
        });
        for (ChangeRecord& each : state.changes) {
            if (each.number != number) continue;
            const std::set<std::string>& devices = left[each.vm];
            ended += std::erase_if(
                each.coming, [&](const std::string& name) { return !devices.contains(name); });
        }
        settle_regions(state, number);
        return ended > 0;
    };
    co_await store.change(edit);
}

awaitable<void> note_devices_undone(StateStore& store, ChangeRecord& record) {
    const StateStore::Edit edit = [&](SavedState& state) {
        const auto found = std::find(state.changes.begin(), state.changes.end(), record);
        record.coming.clear();
        record.leaving.clear();
        if (found == state.changes.end() || *found == record) return false;
        *found = record;
        return true;
    };
    co_await store.change(edit);
}

awaitable<void> forget_change_in(StateStore& store, ChangeRecord record) {
    const StateStore::Edit edit = [&](SavedState& state) {
        const std::size_t ended = std::erase(state.changes, record);
        settle_regions(state, record.number);
        return ended > 0;
    };
    co_await store.change(edit);
}

std::vector<ChangeRecord> changes_of(const StateStore& store, const std::string& vm) {
    std::vector<ChangeRecord> found;
    for (const ChangeRecord& each : store.get().changes) {
        if (each.vm == vm) found.push_back(each);
    }
    return found;
}

}  // namespace ivshmemd
