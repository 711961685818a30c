#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <sys/types.h>

#include "lib/mapping.h"
#include "lib/result.h"
#include "lib/role.h"

namespace ivshmemd {

/// What the daemon gives the regions it makes, unless it is told otherwise; users and groups beside
/// these get in by the ACL.
inline constexpr mode_t region_mode = 0660;

/// What stat(2) says about a region file.
struct RegionFacts {
    bool exists = false;
    mode_t mode = 0;  // type and permission bits
    uid_t owner = 0;
    std::uint64_t size = 0;  // bytes
};

/// The region file a request names: its state decides between making it and refusing.
struct RegionPlan {
    std::uint64_t size = 0;  // bytes
    bool create = false;     // there is no such file
    bool fill = false;       // there is an empty one, to get this size if nobody has it open
};

/// Who may own a region. Whoever can truncate the file can kill the VMs that map it.
struct RegionTrust {
    uid_t daemon = 0;
    uid_t qemu = 0;
    std::set<uid_t> users;  // configured

    bool trusts(uid_t uid) const {
        return uid == 0 || uid == daemon || uid == qemu || users.contains(uid);
    }
};

/// A device that maps a region.
struct RegionUser {
    std::string vm;
    std::string device;
    Role role = Role::peer;
    Mapping memory{};
};

/// A region as it is: its file and who uses it.
struct Region {
    std::string path;
    RegionFacts facts;
    std::vector<RegionUser> users;
    bool created_by_us = false;
    std::string name{};
    mode_t made_mode = region_mode;  // by us

    // For a diagnosis alone.
    std::vector<std::string> other_memory{};  // "VM/BACKEND": no device's, such as a VM's own
    std::optional<std::uint64_t> reserved{};  // bytes of it that have memory behind them
    std::optional<bool> open{};               // whether any process has it open; not always told
};

/// The permission bits as four octal digits, such as "0660".
std::string mode_digits(mode_t mode);

/// What they stand for.
mode_t mode_of_digits(const std::string& digits);

/// Whether a region can be made with that mode. `lets_in`: some user or group is let in by its ACL,
/// of which the part for the group says how far. ConfigUnsupported.
Result<void> check_made_mode(const std::string& path, mode_t mode, bool lets_in);

/// "shm0" for "/dev/shm/shm0".
std::string region_name(const std::string& path);

/// The size a request gets: its own, or the existing region's. BadSize.
Result<std::uint64_t> decide_size(std::optional<std::uint64_t> requested, const RegionFacts& facts,
                                  std::uint64_t limit);

/// Whether the file serves, or can be made to. RegionMismatch (not a regular file, another size) or
/// PermissionDenied (an owner who is not trusted).
Result<RegionPlan> check_region(const std::string& path, std::uint64_t size,
                                const RegionFacts& facts, const RegionTrust& trust);

}  // namespace ivshmemd
