#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lib/capabilities.h"
#include "lib/device.h"
#include "lib/reason.h"

namespace ivshmemd {

/// How QEMU was told to migrate. Anybody may change it while no migration runs, and nobody then.
struct MigrationSettings {
    bool ignores_shared = false;  // the capability x-ignore-shared
    std::string mode{};           // such as "normal" or "cpr-reboot"; empty where there are none

    bool operator==(const MigrationSettings&) const = default;
};

/// What of the settings is wrong for a master.
struct SettingFault {
    std::string device;
    std::string text;
    std::string mend;
};

/// The same in two parts, for a diagnosis.
std::vector<SettingFault> find_setting_faults(const std::vector<Device>& devices,
                                              const MigrationSettings& settings);

/// What of the settings would keep a master from arriving with its content. QEMU says of such a
/// migration that it is completed.
std::vector<Reason> judge_settings(const std::vector<Device>& devices,
                                   const MigrationSettings& settings);

/// What a migration with masters has to be warned of.
std::vector<Reason> judge_masters(const std::vector<Device>& devices, std::string_view run_state,
                                  const Capabilities& qemu);

}  // namespace ivshmemd
