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
    SavedState state = store.get();
    std::erase_if(state.regions, [&](const CreatedRegion& each) { return each.path == path; });
    state.regions.push_back({path, file.device, file.inode, made_for, mode});
    co_await store.put(std::move(state));
}

awaitable<void> keep_region(StateStore& store, std::string path, RegionIdentity file) {
    SavedState state = store.get();
    bool changed = false;
    for (CreatedRegion& each : state.regions) {
        if (each.path != path || identity_of(each) != file || each.made_for.empty()) continue;
        each.made_for.clear();
        changed = true;
    }
    if (changed) co_await store.put(std::move(state));
}

std::vector<CreatedRegion> unused_regions(const StateStore& store, const std::string& vm) {
    std::vector<CreatedRegion> unused;
    for (const CreatedRegion& each : store.get().regions) {
        if (each.made_for.starts_with(vm + "/")) unused.push_back(each);
    }
    return unused;
}

awaitable<void> forget_region(StateStore& store, std::string path, RegionIdentity file) {
    SavedState state = store.get();
    std::erase_if(state.regions, [&](const CreatedRegion& each) {
        return each.path == path && identity_of(each) == file;
    });
    co_await store.put(std::move(state));
}

awaitable<void> forget_vanished_regions(StateStore& store) {
    SavedState state = store.get();
    const std::size_t dropped = std::erase_if(state.regions, [](const CreatedRegion& each) {
        return RegionFiles::identity(each.path) != identity_of(each);
    });
    if (dropped > 0) co_await store.put(std::move(state));
}

}  // namespace ivshmemd
