#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

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

/// What /proc/<pid>/maps tells; nothing where this user may not read it, or where it is beyond all
/// reason.
std::optional<std::vector<MappedFile>> mapped_files(pid_t pid);

}  // namespace ivshmemd
