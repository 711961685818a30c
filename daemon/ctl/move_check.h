#pragma once

#include <nlohmann/json_fwd.hpp>

#include "daemon/ctl/session.h"

namespace ivshmemd::ctl {

/// Finds everything that keeps a VM from moving to the daemon of another host with its devices,
/// before anything is begun: MigrationBlocked then. What only a QEMU can tell is left to the
/// migration. `migrate` has the parameters that Migrate is to be called with.
Answer check_move(Session& here, Session& there, const nlohmann::json& migrate);

}  // namespace ivshmemd::ctl
