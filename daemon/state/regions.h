#pragma once

#include <optional>
#include <string>

#include "daemon/base/async.h"
#include "daemon/region/files.h"
#include "daemon/state/store.h"

// What the state file remembers of region files that this daemon made. Whatever changes it is on
// disk when it returns.
namespace ivshmemd {

/// The file that this daemon made under that path; nothing when it made none.
std::optional<RegionIdentity> created_region(const StateStore& store, const std::string& path);

awaitable<void> remember_region(StateStore& store, std::string path, RegionIdentity file);
awaitable<void> forget_region(StateStore& store, std::string path, RegionIdentity file);

/// Drops records of files that are gone or were replaced.
awaitable<void> forget_vanished_regions(StateStore& store);

}  // namespace ivshmemd
