#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "daemon/ctl/answer.h"

namespace ivshmemd::ctl {

class Session;

/// Fills in member "vm", if it is not there, with the only VM that the daemon looks after; an error
/// where there is not exactly one. For commands that change nothing: what changes a VM names it.
/// `names`: gets those that there are, when they were asked for.
Answer default_to_only_vm(nlohmann::json& request, Session& session,
                          std::vector<std::string>* names = nullptr);

}  // namespace ivshmemd::ctl
