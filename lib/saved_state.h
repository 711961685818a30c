#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace ivshmemd {

/// A region file the daemon made, by path and by what tells it from a later file of that name.
struct CreatedRegion {
    std::string path;
    std::uint64_t device = 0;
    std::uint64_t inode = 0;

    bool operator==(const CreatedRegion&) const = default;
};

/// A device whose removal was asked for and is still awaited.
struct RemovalIntent {
    std::string vm;
    std::string
        uuid;  // of the VM, so that another one behind the same socket is not mistaken for it
    std::string device;
    std::string region;  // empty when it has none
    bool remove_region = false;

    bool operator==(const RemovalIntent&) const = default;
};

/// What QEMU cannot tell and a restart must not lose.
struct SavedState {
    std::vector<CreatedRegion> regions;
    std::vector<RemovalIntent> removals;

    bool operator==(const SavedState&) const = default;
};

}  // namespace ivshmemd
