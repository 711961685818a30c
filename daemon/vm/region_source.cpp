#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include "daemon/vm/vm.h"
#include "lib/names.h"

// What a VM answers to the question who uses a region.

namespace ivshmemd {
namespace {

bool is_missing(const std::string& path) {
    struct stat status {};
    return ::lstat(path.c_str(), &status) != 0 && errno == ENOENT;
}

}  // namespace

Sight Vm::sight() const {
    if (!unavailable() && !holdings_.doubtful()) return Sight::whole;
    if (link_.trying() || session()) return Sight::partial;
    if (link_.nobody_listens()) return Sight::nobody;
    const bool was_seen = capabilities().has_value();
    const bool none = is_missing(config_.qmp_socket) && (!was_seen || link_.last_qemu_gone());
    return none ? Sight::nobody : Sight::partial;
}

std::vector<MemoryUser> Vm::memory_users() const {
    std::vector<MemoryUser> users;
    if (link_.last_qemu_gone()) return users;
    for (const InventoryDevice& entry : inventory().devices) {
        if (!maps(entry)) continue;
        users.push_back(
            {entry.device.spec.name, memory_of(entry), !blocks_migration(entry.device)});
    }
    // What cannot be deleted goes on mapping its file without a device.
    for (const Backend& backend : inventory().backends) {
        if (serves_a_device(inventory(), backend)) continue;
        users.push_back(
            {name_of_backend_id(backend.id).value_or(backend.id), backend.mapping, false});
    }
    return users;
}

std::optional<MemoryUser> Vm::coming() const {
    const std::optional<DeviceSpec>& coming = turn_.coming();
    if (!coming) return std::nullopt;
    std::optional<RegionIdentity> file;
    if (coming->region) {
        file = RegionFiles::identity(host_.regions.path_of(*coming->region));
    } else if (const auto known = host_.relays.memory(name(), coming->name)) {
        file = known->file;
    }
    if (!file) return std::nullopt;
    return MemoryUser{coming->name, whole_file(*file, coming->size), coming->role == Role::master};
}

bool Vm::holds_for_migration() const {
    return awaits_migration() || run_state() == "postmigrate";
}

bool Vm::awaits_migration() const {
    return run_state() == "inmigrate";
}

}  // namespace ivshmemd
