#pragma once

#include <sys/types.h>

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "daemon/base/unique_fd.h"
#include "lib/mapping.h"

namespace ivshmemd {

/// /proc/<pid>/maps, which the kernel writes while it is read: some lines at a time, and the newest
/// mappings of a QEMU are among the first. May block for as long as that process keeps its own
/// memory map locked.
class MappedFiles {
  public:
    explicit MappedFiles(pid_t pid);

    /// Reads on. False at the end, and beyond all reason.
    bool read_more();
    const std::vector<MappedFile>& so_far() const { return mapped_; }
    /// Whether something was read: else this user may not.
    bool readable() const { return readable_; }
    bool beyond_reason() const;

  private:
    UniqueFd file_;
    std::array<char, 4096> buffer_;  // the kernel gives no more at a time
    std::string text_{};             // of a line that is not whole
    std::vector<MappedFile> mapped_{};
    bool readable_ = false;
};

/// All of them; nothing where this user may not read them, or where they are beyond all reason.
std::optional<std::vector<MappedFile>> mapped_files(pid_t pid);

}  // namespace ivshmemd
