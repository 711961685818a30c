#include "daemon/fleet/region_list.h"

#include <algorithm>

namespace ivshmemd {
namespace {

struct FoundRegion {
    RegionIdentity file;
    Region region;
};

Region& find_or_add(std::vector<FoundRegion>& found, const RegionIdentity& file,
                    const std::string& path) {
    for (FoundRegion& each : found) {
        if (each.file == file) return each.region;
    }
    found.push_back({file, {path, RegionFiles::inspect(path), {}, false}});
    return found.back().region;
}

bool is_known(const std::vector<FoundRegion>& found, const RegionIdentity& file) {
    return std::any_of(found.begin(), found.end(),
                       [&](const FoundRegion& each) { return each.file == file; });
}

// A server's memory is a region only where it is a file that is known as one.
void add_users(std::vector<FoundRegion>& found, const Vm& vm) {
    if (vm.state() == VmState::unreachable) return;
    for (const InventoryDevice& entry : vm.inventory().devices) {
        const std::optional<RegionIdentity> file = vm.memory_of(entry);
        if (!file || (entry.memory_path.empty() && !is_known(found, *file))) continue;
        Region& region = find_or_add(found, *file, entry.memory_path);
        region.users.push_back({vm.name(), entry.device.spec.name, entry.device.spec.role});
    }
}

}  // namespace

std::vector<Region> list_regions(const Host& host, const Registry& registry) {
    std::vector<FoundRegion> found;
    for (const CreatedRegion& made : host.store->get().regions) {
        const RegionIdentity file{static_cast<dev_t>(made.device), static_cast<ino_t>(made.inode)};
        if (RegionFiles::identity(made.path) != file) continue;  // removed, or somebody else's now
        find_or_add(found, file, made.path).created_by_us = true;
    }
    for (const std::shared_ptr<Vm>& vm : registry.all()) add_users(found, *vm);
    std::vector<Region> regions;
    for (FoundRegion& each : found) regions.push_back(std::move(each.region));
    std::sort(regions.begin(), regions.end(),
              [](const Region& a, const Region& b) { return a.path < b.path; });
    return regions;
}

}  // namespace ivshmemd
