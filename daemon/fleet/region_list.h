#pragma once

#include <vector>

#include "daemon/fleet/registry.h"
#include "lib/region.h"

namespace ivshmemd {

/// The regions there are, by path: files this daemon made, and files that an ivshmem device of a
/// known VM maps. A file with several names is one region.
std::vector<Region> list_regions(const Host& host, const Registry& registry);

}  // namespace ivshmemd
