#pragma once

#include <string>

#include "daemon/region/files.h"

namespace ivshmemd {

/// What came of unlinking a region's file.
struct Unlinking {
    enum class Kind {
        done,       // nobody had it open, and its name is gone
        joined,     // its name is gone, but somebody opened it in that very moment
        not_there,  // no file is at the path, or another one
        in_use,     // some process has it open or mapped
        untold,     // the kernel does not tell who has it open, or does not let us unlink it
    };

    Kind kind = Kind::untold;
    int error = 0;  // an errno, with untold
};

/// The only way in which a region's file loses its name: under a write lease, which the kernel
/// grants on a file that nobody has open or mapped, in whatever container or program that would be.
/// What it does not grant is not unlinked. May block for a moment: a job for the Worker.
Unlinking unlink_unused(const std::string& path, const RegionIdentity& file);

}  // namespace ivshmemd
