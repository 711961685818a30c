#include "lib/migration/masters.h"

#include <algorithm>

#include "lib/names.h"

namespace ivshmemd {
namespace {

constexpr Version dies_since{9, 0, 0};

bool is_master(const Device& device) {
    return device.state != DeviceState::leaked && !blocks_migration(device);
}

// Memory of the QEMU alone comes along whatever is ignored.
bool is_private(const Device& device) {
    return device.memory && !device.memory->shared;
}

bool is_read_only(const Device& device) {
    return device.memory && !device.memory->writable;
}

// In every other of these modes the old QEMU still is its server's first peer when the new one,
// whose master has to be that, comes.
bool keeps_servers(const std::string& mode) {
    return mode.starts_with("cpr-") && mode != "cpr-reboot";
}

}  // namespace

std::vector<SettingFault> find_setting_faults(const std::vector<Device>& devices,
                                              const MigrationSettings& settings) {
    std::vector<SettingFault> faults;
    for (const Device& device : devices) {
        if (!is_master(device)) continue;
        const std::string& name = device.spec.name;
        if (settings.ignores_shared && !is_private(device)) {
            faults.push_back(
                {name,
                 "its content would stay behind, because the migration capability x-ignore-shared "
                 "is on",
                 "switch it off with the QMP command migrate-set-capabilities {\"capabilities\": "
                 "[{\"capability\": \"x-ignore-shared\", \"state\": false}]}"});
        }
        if (device.has_server && keeps_servers(settings.mode)) {
            faults.push_back(
                {name,
                 "as a master it has to be the first peer of its server, where this QEMU stays "
                 "connected in migration mode " +
                     printable(settings.mode),
                 "set another with the QMP command migrate-set-parameters {\"mode\": "
                 "\"normal\"}"});
        }
    }
    return faults;
}

std::vector<Reason> judge_settings(const std::vector<Device>& devices,
                                   const MigrationSettings& settings) {
    std::vector<Reason> reasons;
    for (const SettingFault& fault : find_setting_faults(devices, settings)) {
        reasons.push_back({Severity::blocks, ReasonSource::ivshmemd, fault.device,
                           fault.text + "; " + fault.mend});
    }
    return reasons;
}

std::vector<Reason> judge_masters(const std::vector<Device>& devices, std::string_view run_state,
                                  const Capabilities& qemu) {
    std::vector<Reason> reasons;
    for (const Device& device : devices) {
        if (!is_master(device) || !is_read_only(device)) continue;
        reasons.push_back(
            {Severity::warns, ReasonSource::ivshmemd, device.spec.name,
             "its memory is read-only, and a destination that is started with the same ends when "
             "content arrives for it; detach it first and plug it in again there, or start the "
             "destination without readonly=on, where the guest can then write to it"});
    }
    const bool can_die = !qemu.accelerated && qemu.version >= dies_since && run_state == "running";
    if (can_die && std::any_of(devices.begin(), devices.end(), is_master)) {
        reasons.push_back(
            {Severity::warns, ReasonSource::ivshmemd, std::nullopt,
             "QEMU 9 and later without KVM can die while a running VM with a master migrates; stop "
             "the VM first (QMP command stop), or plug its masters into the waiting destination "
             "with 'ivshmemctl replug' instead of starting it with them"});
    }
    return reasons;
}

}  // namespace ivshmemd
