#pragma once

#include <optional>
#include <string>

#include "lib/inventory.h"

namespace ivshmemd {

/// Whether a server is behind it. QEMU does not survive being told that a peer left, so none is
/// given the server's own socket: such a master is attached at its destination.
bool has_doorbell(const InventoryDevice& device);

/// Why a QEMU elsewhere cannot be started with the memory of this master as it is named here, and
/// what to do instead; nothing when it can. `backend`: that of the device, null for none.
std::optional<std::string> unreceivable(const InventoryDevice& device, const Backend* backend);

/// Whether QEMU can load content into such memory: it ends when content arrives for memory that it
/// maps to be read only. A private copy of a read-only file (rom=off) is written to all the same.
bool takes_content(const Backend& backend);

/// The path of a backend's file, as a QEMU in another folder finds it; empty when it cannot.
std::string receivable_path(const Backend& backend);

}  // namespace ivshmemd
