#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "daemon/region/mapped_files.h"
#include "lib/mapping.h"

namespace ivshmemd {

/// What this host tells of the memory of a process, read once at first need. All of it is optional:
/// /proc is closed to other users. Calls may block for as long as that process keeps its own
/// memory map locked: they belong on a worker.
class ProcessMemory {
  public:
    /// None where the process is not known: then files are seen as this daemon sees them.
    explicit ProcessMemory(std::optional<pid_t> pid) : pid_(pid) {}

    /// What it maps for this claim of QEMU's; `path` as QEMU was given it, empty when none.
    Mapping find(const std::string& path, const MemoryClaim& claim);

    /// The same, where that is most likely the file at that path, and shared: then no more of its
    /// mappings are read, of which a QEMU has a thousand.
    Mapping find_shared(const std::string& path, const MemoryClaim& claim);

    /// Whether /proc/<pid>/maps can be read.
    bool readable();

  private:
    SeenFile see(const std::string& path) const;
    const std::vector<MappedFile>* maps();
    std::string descriptor_of(const RegionIdentity& file) const;

    std::optional<pid_t> pid_;
    bool asked_ = false;
    std::optional<std::vector<MappedFile>> maps_;
};

}  // namespace ivshmemd
