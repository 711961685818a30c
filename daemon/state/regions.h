#pragma once

#include <optional>
#include <string>
#include <vector>

#include "daemon/base/async.h"
#include "daemon/region/files.h"
#include "daemon/state/store.h"

// What the state file remembers of region files that this daemon made. Whatever changes it is on
// disk when it returns.
namespace ivshmemd {

/// The file that this daemon made under that path; nothing when it made none.
std::optional<RegionIdentity> created_region(const StateStore& store, const std::string& path);

/// `made_for`: "VM/NAME", the device that it is to serve. `change`: the change of several VMs that
/// makes it, if one does.
awaitable<void> remember_region(StateStore& store, std::string path, RegionIdentity file,
                                std::string made_for, mode_t mode = region_mode,
                                std::uint64_t change = 0);
/// The device that it was made for is there. Nothing is written where that is known.
awaitable<void> region_serves(StateStore& store, std::string path, RegionIdentity file);
/// Another one uses it: it is kept from now on, unless that one comes with the same change.
awaitable<void> keep_region(StateStore& store, std::string path, RegionIdentity file,
                            std::uint64_t change = 0);
/// Those that were made for a device of that VM and are not known to have served any.
std::vector<CreatedRegion> unused_regions(const StateStore& store, const std::string& vm);
/// Those that this change made, and that nobody else has used.
std::vector<CreatedRegion> regions_of_change(const StateStore& store, std::uint64_t change);
RegionIdentity identity_of(const CreatedRegion& record);
awaitable<void> forget_region(StateStore& store, std::string path, RegionIdentity file);

/// Drops records of files that are gone or were replaced.
awaitable<void> forget_vanished_regions(StateStore& store);

}  // namespace ivshmemd
