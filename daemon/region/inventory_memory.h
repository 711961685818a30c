#pragma once

#include <sys/types.h>

#include <optional>

#include "lib/inventory.h"

namespace ivshmemd {

/// Fills in what each backend and device of a reading maps, as far as this host can tell. `pid`: of
/// their QEMU, where it is known. May block; see ProcessMemory.
void find_mappings(Inventory& inventory, std::optional<pid_t> pid);

/// What was known of a mapping that this host cannot see: `before` is an older reading of the same
/// QEMU process. Only of backends of ours, which nobody else makes anew under the same id.
void keep_proofs(Inventory& inventory, const Inventory& before);

}  // namespace ivshmemd
