#include "daemon/state/regions.h"

#include <algorithm>

namespace ivshmemd {

RegionIdentity identity_of(const CreatedRegion& record) {
    return {static_cast<dev_t>(record.device), static_cast<ino_t>(record.inode)};
}

std::optional<RegionIdentity> created_region(const StateStore& store, const std::string& path) {
    const std::vector<CreatedRegion>& made = store.get().regions;
    const auto found = std::find_if(made.begin(), made.end(),
                                    [&](const CreatedRegion& each) { return each.path == path; });
    if (found == made.end()) return std::nullopt;
    return identity_of(*found);
}

awaitable<void> remember_region(StateStore& store, std::string path, RegionIdentity file,
                                std::string made_for, mode_t mode) {
    const StateStore::Edit edit = [&](SavedState& state) {
        CreatedRegion record{path, file.device, file.inode, made_for, mode};
        return replace_record(state.regions, std::move(record),
                              [&](const CreatedRegion& each) { return each.path == path; });
    };
    co_await store.change(edit);
}

awaitable<void> keep_region(StateStore& store, std::string path, RegionIdentity file) {
    const StateStore::Edit edit = [&](SavedState& state) {
        bool changed = false;
        for (CreatedRegion& each : state.regions) {
            if (each.path != path || identity_of(each) != file || each.made_for.empty()) continue;
            each.made_for.clear();
            changed = true;
        }
        return changed;
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
