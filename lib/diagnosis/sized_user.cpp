#include "lib/diagnosis/sized_user.h"

#include "lib/run_state.h"
#include "lib/shell_word.h"

namespace ivshmemd {
namespace {

// While a VM migrates from here to here, both ends have the same masters.
bool is_master(const VmFacts& vm, const Device& device) {
    return !is_between_hosts(vm.run_state) && !blocks_migration(device);
}

std::string detach_command(const VmFacts& vm, const Device& device) {
    if (!device.fixed.empty()) return "VM " + vm.name + ", " + device.fixed;
    const bool ours = device.origin == Origin::managed;
    const std::string target =
        ours ? shell_word(device.spec.name) : "--qom-path " + shell_word(device.qom_path);
    return "ivshmemctl detach " + shell_word(vm.name) + " " + target;
}

bool maps_it(const DeviceFacts& facts) {
    const bool apart = facts.match == PathMatch::replaced || facts.match == PathMatch::elsewhere;
    return !apart && facts.device.state != DeviceState::leaked;
}

void add_users(const Region& region, const VmFacts& vm, std::vector<SizedUser>& users) {
    for (const RegionUser& user : region.users) {
        if (user.vm != vm.name) continue;
        for (const DeviceFacts& each : vm.devices) {
            if (each.device.spec.name != user.device || !maps_it(each)) continue;
            users.push_back({user.vm + "/" + user.device, user.vm, each.device.spec.size,
                             is_master(vm, each.device), detach_command(vm, each.device),
                             user.memory});
        }
    }
}

}  // namespace

std::vector<SizedUser> users_of(const Region& region, const HostFacts& host) {
    std::vector<SizedUser> users;
    for (const VmFacts& vm : host.vms) add_users(region, vm, users);
    return users;
}

}  // namespace ivshmemd
