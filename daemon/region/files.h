#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>

#include "daemon/base/unique_fd.h"
#include "lib/region.h"
#include "lib/result.h"

namespace ivshmemd {

/// Identifies a region whatever name it is reached by.
struct RegionIdentity {
    dev_t device = 0;
    ino_t inode = 0;

    bool operator==(const RegionIdentity&) const = default;
};

/// A file as it was judged, and a handle for what is done to it later: whatever its path names by
/// then. The handle opens nothing.
struct RegionFile {
    UniqueFd handle;
    RegionFacts facts;
    RegionIdentity identity;
};

/// A region that is whole and reserved but has no name yet: it vanishes with this value.
struct UnnamedRegion {
    UniqueFd file;
    RegionIdentity identity;
};

/// The files of one region directory. Calls block briefly; reserve() and create() may
/// block for seconds.
class RegionFiles {
  public:
    RegionFiles(std::string directory, std::optional<gid_t> group)
        : directory_(std::move(directory)), group_(group) {}

    const std::string& directory() const { return directory_; }
    std::string path_of(const std::string& region) const { return directory_ + "/" + region; }

    /// What is there, symbolic links not followed.
    static RegionFacts inspect(const std::string& path);

    /// The same, to be kept.
    static RegionFile look(const std::string& path);

    static std::optional<RegionIdentity> identity(const std::string& path);

    /// Makes a region whole: reserved (a full tmpfs would kill VMs at a later write), mode 0660,
    /// with entries in its POSIX ACL for the group and the QEMU user. RegionUnavailable.
    Result<UnnamedRegion> reserve(const std::string& region, std::uint64_t size,
                                  uid_t qemu_user) const;

    /// Gives it its name. RegionUnavailable; RegionMismatch when the name was taken meanwhile.
    Result<void> publish(const UnnamedRegion& made, const std::string& region) const;

    /// Both in one.
    Result<RegionIdentity> create(const std::string& region, std::uint64_t size,
                                  uid_t qemu_user) const;

    /// Lets another QEMU user in. Does nothing for a file that is not ours: its owner decides.
    void grant(const RegionFile& file, uid_t qemu_user) const;

    /// Whether this user may read and write the file by its owner, by name in its ACL, or as anyone
    /// may. Groups are left out of account: whom they hold, only the user's own process knows.
    static bool admits(const std::string& path, uid_t user);

  private:
    std::string directory_;
    std::optional<gid_t> group_;
};

}  // namespace ivshmemd
