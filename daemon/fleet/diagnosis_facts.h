#pragma once

#include <memory>
#include <vector>

#include "daemon/fleet/registry.h"
#include "lib/diagnosis/diagnosis.h"

namespace ivshmemd {

/// What the daemon knows of its VMs, devices and regions, with what the host says about them at
/// this moment.
HostFacts diagnosis_facts(const Host& host, const Registry& registry);

}  // namespace ivshmemd
