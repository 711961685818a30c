#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "lib/result.h"

namespace ivshmemd {

/// Lets a user and a group, where they are given, read and write an open file that this process
/// made: by its POSIX ACL, or where the file system has none by its group, or as root by its owner.
/// `path` is for the error. RegionUnavailable.
Result<void> admit(int fd, const std::string& path, std::optional<uid_t> user,
                   std::optional<gid_t> group);

}  // namespace ivshmemd
