#pragma once

#include <optional>
#include <string>
#include <vector>

#include "daemon/config/config.h"
#include "lib/unit_sandbox.h"

namespace ivshmemd {

/// What ivshmemd.service and its drop-ins say; nothing where it is not installed. `root` stands
/// before the directories of systemd.
std::optional<UnitSandbox> read_unit(const std::string& root = "");

/// What keeps this process, or the service where there is its unit, from using a configured place
/// of regions, each with what to do.
std::vector<std::string> warn_of_places(const Config& config,
                                        const std::optional<UnitSandbox>& unit);

}  // namespace ivshmemd
