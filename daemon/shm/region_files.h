#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>

#include "daemon/unique_fd.h"
#include "lib/region.h"
#include "lib/result.h"

namespace ivshmemd {

/// Identifies a region whatever name it is reached by.
struct RegionIdentity {
    dev_t device = 0;
    ino_t inode = 0;

    bool operator==(const RegionIdentity&) const = default;
};

/// The files of one region directory. Calls block briefly; create() may block for seconds.
class RegionFiles {
  public:
    RegionFiles(std::string directory, std::optional<gid_t> group)
        : directory_(std::move(directory)), group_(group) {}

    const std::string& directory() const { return directory_; }
    std::string path_of(const std::string& region) const { return directory_ + "/" + region; }

    /// What is there, symbolic links not followed.
    static RegionFacts inspect(const std::string& path);

    static std::optional<RegionIdentity> identity(const std::string& path);

    /// Makes a region whole: reserved (a full tmpfs would kill VMs at a later write), mode 0660,
    /// with entries in its POSIX ACL for the group and the QEMU user, visible only once all that is
    /// done. RegionUnavailable when it cannot be made; RegionMismatch when one appeared meanwhile.
    Result<RegionIdentity> create(const std::string& region, std::uint64_t size,
                                  uid_t qemu_user) const;

    /// Lets another QEMU user in. Does nothing for a file that is not ours: its owner decides.
    void grant(const std::string& path, uid_t qemu_user) const;

    /// Removes the file if it is still this one.
    static bool remove(const std::string& path, const RegionIdentity& identity);

  private:
    std::string directory_;
    std::optional<gid_t> group_;
};

}  // namespace ivshmemd
