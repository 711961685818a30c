#pragma once

#include <vector>

#include "lib/diagnosis/diagnosis.h"
#include "proto/json.h"

namespace ivshmemd::api {

/// What Diagnose gives.
json spell_findings(const std::vector<Finding>& findings);

}  // namespace ivshmemd::api
