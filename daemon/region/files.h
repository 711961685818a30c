#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>

#include "daemon/base/unique_fd.h"
#include "lib/mapping.h"
#include "lib/region.h"
#include "lib/region_places.h"
#include "lib/reservation.h"
#include "lib/result.h"

namespace ivshmemd {

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

/// The files of regions. Calls block briefly; those that reserve memory may block for
/// seconds.
class RegionFiles {
  public:
    /// `reserve_percent`: see check_reservation().
    RegionFiles(RegionPlaces places, std::optional<gid_t> group,
                unsigned reserve_percent = default_reserve_percent)
        : places_(std::move(places)), group_(group), reserve_percent_(reserve_percent) {}

    const RegionPlaces& places() const { return places_; }
    std::string path_of(const std::string& region) const { return places_.path_of(region); }

    /// What is there, symbolic links not followed.
    static RegionFacts inspect(const std::string& path);

    /// The same, of what a symbolic link leads to.
    static RegionFacts inspect_target(const std::string& path);

    /// What is there, links not followed, to be kept.
    static RegionFile look(const std::string& path);

    static std::optional<RegionIdentity> identity(const std::string& path);

    /// Makes a region whole: reserved (a full tmpfs would kill VMs at a later write), with that
    /// mode and entries in its POSIX ACL for the group and the QEMU user; where the file system has
    /// no ACLs, with that group, or as root with that owner. RegionUnavailable, BadSize,
    /// ConfigUnsupported.
    Result<UnnamedRegion> reserve(const std::string& region, std::uint64_t size, uid_t qemu_user,
                                  mode_t mode = region_mode) const;

    /// Whether a region of this QEMU user is made with entries in its ACL.
    bool lets_in(uid_t qemu_user) const;

    enum class Naming { named, taken };
    /// Gives it its name, unless that was taken meanwhile. RegionUnavailable.
    Result<Naming> publish(const UnnamedRegion& made, const std::string& region) const;

    /// Of a file beside this region: one page.
    std::uint64_t smallest_size(const std::string& region) const;

    /// Both in one.
    Result<RegionIdentity> create(const std::string& region, std::uint64_t size,
                                  uid_t qemu_user) const;

    /// Reserves what is missing of a region that is there; what is in it stays. RegionUnavailable.
    Result<void> complete(const RegionFile& file, const std::string& path,
                          std::uint64_t size) const;

    /// Whether all of it has memory already. Does not block.
    static bool is_whole(const RegionFile& file, std::uint64_t size);

    /// Gives an empty file its size, provided that nobody has it open: older kernels count even a
    /// RegionFile. RegionUnavailable, RegionMismatch.
    Result<void> fill(const std::string& path, const RegionIdentity& file,
                      std::uint64_t size) const;

    /// Lets another QEMU user in. Does nothing for a file that is not ours: its owner decides.
    void grant(const RegionFile& file, uid_t qemu_user) const;

    /// Whether this user may read and write the file by its owner, by name in its ACL, or as anyone
    /// may. Groups are left out of account: whom they hold, only the user's own process knows.
    static bool admits(const std::string& path, uid_t user);

  private:
    RegionPlaces places_;
    std::optional<gid_t> group_;
    unsigned reserve_percent_;
};

}  // namespace ivshmemd
