#pragma once

#include <string>

#include "daemon/base/async.h"
#include "daemon/state/store.h"
#include "lib/inventory.h"

// What the state file remembers of memory that was proved to be a region's, where only the proof of
// the attach tells. Whatever changes it is on disk when it returns.
namespace ivshmemd {

/// Also forgets what an earlier QEMU process of this VM had, and backends that are not in `there`
/// any more.
awaitable<void> remember_proof(StateStore& store, VmKey vm, std::string backend,
                               RegionIdentity file, Inventory there);

/// Completes the mappings of a reading of this QEMU process by what is remembered.
void apply_proofs(const StateStore& store, const VmKey& vm, Inventory& inventory);

}  // namespace ivshmemd
