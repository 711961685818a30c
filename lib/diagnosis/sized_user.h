#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lib/diagnosis/diagnosis.h"

namespace ivshmemd {

/// A device that maps a region as far as anybody knows.
struct SizedUser {
    std::string name;  // "web/shm0"
    std::string vm;
    std::uint64_t size = 0;  // bytes
    bool master = false;
    std::string detach;  // the command
    Mapping memory;

    /// Up to where in the file it maps, in bytes.
    std::uint64_t end() const { return memory.offset + size; }
};

/// Those of a region; not what maps another file that was at its path, or is in another place.
std::vector<SizedUser> users_of(const Region& region, const HostFacts& host);

}  // namespace ivshmemd
