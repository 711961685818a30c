#include "daemon/state/regions.h"

#include <algorithm>

namespace ivshmemd {
namespace {

RegionIdentity identity_of(const CreatedRegion& record) {
    return {static_cast<dev_t>(record.device), static_cast<ino_t>(record.inode)};
}

}  // namespace

std::optional<RegionIdentity> created_region(const StateStore& store, const std::string& path) {
    const std::vector<CreatedRegion>& made = store.get().regions;
    const auto found = std::find_if(made.begin(), made.end(),
                                    [&](const CreatedRegion& each) { return each.path == path; });
    if (found == made.end()) return std::nullopt;
    return identity_of(*found);
}

awaitable<void> remember_region(StateStore& store, std::string path, RegionIdentity file) {
    SavedState state = store.get();
    std::erase_if(state.regions, [&](const CreatedRegion& each) { return each.path == path; });
    state.regions.push_back({path, file.device, file.inode});
    co_await store.put(std::move(state));
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
