#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>

#include "daemon/base/unique_fd.h"
#include "lib/result.h"

namespace ivshmemd::doorbell {

/// The memory that all peers share, opened once.
struct Memory {
    UniqueFd descriptor;
    std::uint64_t size = 0;   // bytes, a power of two: any other aborts QEMU
    std::string description;  // for the log: "region /dev/shm/x"
};

/// Opens a region file, or makes it whole: reserved, mode 0660, with an entry in its POSIX ACL for
/// `group`. One that exists must be a regular file of root's or of our own, of exactly `size`; its
/// own size counts where none is asked for. Errors: BadSize, RegionMismatch, PermissionDenied,
/// RegionUnavailable.
Result<Memory> open_region(const std::string& path, std::optional<std::uint64_t> size,
                           std::optional<gid_t> group);

/// Memory without a name, sealed: no peer can change its size, which would kill all others.
Result<Memory> make_sealed_memory(std::optional<std::uint64_t> size);

}  // namespace ivshmemd::doorbell
