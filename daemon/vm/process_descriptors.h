#pragma once

#include <optional>
#include <set>

#include "daemon/vm/identity.h"

// What /proc tells of a QEMU's descriptors, where it may be read.
namespace ivshmemd {

/// Their numbers; nothing when /proc does not tell.
std::optional<std::set<int>> descriptors_in_use(const Identity& identity);

/// How many this QEMU may have; 1024, the usual limit, where /proc does not tell.
int descriptor_limit(const Identity& identity);

}  // namespace ivshmemd
