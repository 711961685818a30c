#include "daemon/fleet/region_list.h"

#include <algorithm>

namespace ivshmemd {
namespace {

struct FoundRegion {
    RegionIdentity file;
    Region region;
};

Region& find_or_add(const Host& host, std::vector<FoundRegion>& found, const RegionIdentity& file,
                    const std::string& path) {
    for (FoundRegion& each : found) {
        if (each.file == file) return each.region;
    }
    found.push_back({file,
                     {path,
                      RegionFiles::inspect_target(path),
                      {},
                      false,
                      host.regions.places().region_at(path).value_or(region_name(path))}});
    return found.back().region;
}

bool is_known(const std::vector<FoundRegion>& found, const RegionIdentity& file) {
    return std::any_of(found.begin(), found.end(),
                       [&](const FoundRegion& each) { return each.file == file; });
}

// "memfd:frames" of "/memfd:frames (deleted)".
std::string name_of_label(const std::string& label) {
    return region_name(label.substr(0, label.find(" (deleted)")));
}

// A server's memory is a region only where it is a file that is known as one.
void add_users(std::vector<FoundRegion>& found, const Vm& vm) {
    if (vm.state() == VmState::unreachable) return;
    for (const InventoryDevice& entry : vm.inventory().devices) {
        const Mapping memory = vm.memory_of(entry);
        if (memory.file == RegionIdentity{} || !memory.shared) continue;
        if (memory.path.empty() && !is_known(found, memory.file)) continue;
        Region& region = find_or_add(vm.host(), found, memory.file, memory.path);
        if (region.users.empty() && is_nameless(memory)) region.name = name_of_label(memory.label);
        const DeviceSpec& spec = entry.device.spec;
        region.users.push_back({vm.name(), spec.name, spec.role, memory});
    }
}

// Memory without a name is a region where several devices share it.
bool is_region(const FoundRegion& found) {
    const std::vector<RegionUser>& users = found.region.users;
    return users.size() != 1 || !is_nameless(users.front().memory);
}

}  // namespace

std::vector<Region> list_regions(const Host& host, const Registry& registry) {
    std::vector<FoundRegion> found;
    for (const CreatedRegion& made : host.store->get().regions) {
        const RegionIdentity file{static_cast<dev_t>(made.device), static_cast<ino_t>(made.inode)};
        if (RegionFiles::identity(made.path) != file) continue;  // removed, or somebody else's now
        Region& region = find_or_add(host, found, file, made.path);
        region.created_by_us = true;
        region.made_mode = made.mode;
    }
    for (const std::shared_ptr<Vm>& vm : registry.all()) add_users(found, *vm);
    std::vector<Region> regions;
    for (FoundRegion& each : found) {
        if (is_region(each)) regions.push_back(std::move(each.region));
    }
    std::sort(regions.begin(), regions.end(),
              [](const Region& a, const Region& b) { return a.path < b.path; });
    return regions;
}

}  // namespace ivshmemd
