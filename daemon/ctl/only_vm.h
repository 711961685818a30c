#pragma once

#include <nlohmann/json_fwd.hpp>

#include "daemon/ctl/answer.h"

namespace ivshmemd::ctl {

class Session;

/// Fills in member "vm", if it is not there, with the only VM that the daemon looks after; an error
/// where there is not exactly one. For commands that change nothing: what changes a VM names it.
Answer default_to_only_vm(nlohmann::json& request, Session& session);

}  // namespace ivshmemd::ctl
