#pragma once

#include <nlohmann/json_fwd.hpp>

#include "daemon/ctl/session.h"

namespace ivshmemd::ctl {

// Commands for several VMs at once, which take effect in all of them or in none.

/// Makes the list of VMs of a request that names several, "web,db". False when it names one.
bool split_vms(nlohmann::json& request);

/// Runs a request to attach, or to detach, whose VMs were split.
int run_attach_many(const nlohmann::json& request, Session& session);
int run_detach_many(const nlohmann::json& request, Session& session);

}  // namespace ivshmemd::ctl
