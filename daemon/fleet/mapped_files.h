#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "daemon/region/files.h"
#include "lib/diagnosis/diagnosis.h"

namespace ivshmemd {

/// A file that a process maps.
struct MappedFile {
    RegionIdentity file;
    std::string path;  // " (deleted)" behind it when the file has lost that name

    bool operator==(const MappedFile&) const = default;
};

/// What /proc/<pid>/maps tells; nothing where this user may not read it, or where it is beyond all
/// reason.
std::optional<std::vector<MappedFile>> mapped_files(pid_t pid);

/// Whether the file that is at `path` now is among them.
Mapping judge_mapping(const std::vector<MappedFile>& mapped, const std::string& path);

}  // namespace ivshmemd
