#pragma once

#include <string>
#include <vector>

#include "lib/inventory.h"
#include "lib/reason.h"

namespace ivshmemd {

/// What keeps a QEMU that waits for a migration from taking over a VM with these devices. QEMU
/// finds a master's memory by its slot, the function there and the id of its backend, and checks
/// its size, but not which window of a file that is, nor how it is mapped; a device that is no
/// master there, or memory that QEMU only reads, ends the destination at a moment when the source
/// may already count itself done. Devices that block migration are taken as gone from the source by
/// then.
std::vector<Reason> judge_destination(const Inventory& source, const Inventory& destination,
                                      const std::string& name);

}  // namespace ivshmemd
