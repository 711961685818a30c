#include "daemon/state/regions.h"

#include <algorithm>
#include <utility>

namespace ivshmemd {

RegionIdentity identity_of(const CreatedRegion& record) {
    return {static_cast<dev_t>(record.device), static_cast<ino_t>(record.inode)};
}

namespace {

CreatedRegion* find_record(SavedState& state, const std::string& path, RegionIdentity file) {
    const auto found = std::find_if(
        state.regions.begin(), state.regions.end(),
        [&](const CreatedRegion& each) { return each.path == path && identity_of(each) == file; });
    return found == state.regions.end() ? nullptr : &*found;
}

}  // namespace

std::optional<RegionIdentity> created_region(const StateStore& store, const std::string& path) {
    const std::vector<CreatedRegion>& made = store.get().regions;
    const auto found = std::find_if(made.begin(), made.end(),
                                    [&](const CreatedRegion& each) { return each.path == path; });
    if (found == made.end()) return std::nullopt;
    return identity_of(*found);
}

awaitable<void> remember_region(StateStore& store, std::string path, RegionIdentity file,
                                std::string made_for, mode_t mode, std::uint64_t change) {
    const StateStore::Edit edit = [&](SavedState& state) {
        CreatedRegion record{path, file.device, file.inode, made_for, mode, change};
        return replace_record(state.regions, std::move(record),
                              [&](const CreatedRegion& each) { return each.path == path; });
    };
    co_await store.change(edit);
}

awaitable<void> region_serves(StateStore& store, std::string path, RegionIdentity file) {
    const StateStore::Edit edit = [&](SavedState& state) {
        CreatedRegion* record = find_record(state, path, file);
        return record && !std::exchange(record->made_for, {}).empty();
    };
    co_await store.change(edit);
}

awaitable<void> keep_region(StateStore& store, std::string path, RegionIdentity file,
                            std::uint64_t change) {
    const StateStore::Edit edit = [&](SavedState& state) {
        CreatedRegion* record = find_record(state, path, file);
        if (!record) return false;
        const bool was_wanted = !std::exchange(record->made_for, {}).empty();
        if (record->change == 0 || record->change == change) return was_wanted;
        record->change = 0;
        return true;
    };
    co_await store.change(edit);
}

std::vector<CreatedRegion> unused_regions(const StateStore& store, const std::string& vm) {
    std::vector<CreatedRegion> unused;
    for (const CreatedRegion& each : store.get().regions) {
        if (each.made_for.starts_with(vm + "/")) unused.push_back(each);
    }
    return unused;
}

std::vector<CreatedRegion> regions_of_change(const StateStore& store, std::uint64_t change) {
    std::vector<CreatedRegion> made;
    for (const CreatedRegion& each : store.get().regions) {
        if (change != 0 && each.change == change) made.push_back(each);
    }
    return made;
}

awaitable<void> forget_region(StateStore& store, std::string path, RegionIdentity file) {
    const StateStore::Edit edit = [&](SavedState& state) {
        return std::erase_if(state.regions, [&](const CreatedRegion& each) {
                   return each.path == path && identity_of(each) == file;
               }) > 0;
    };
    co_await store.change(edit);
}

awaitable<void> forget_vanished_regions(StateStore& store) {
    const StateStore::Edit edit = [](SavedState& state) {
        return std::erase_if(state.regions, [](const CreatedRegion& each) {
                   return RegionFiles::identity(each.path) != identity_of(each);
               }) > 0;
    };
    co_await store.change(edit);
}

}  // namespace ivshmemd
