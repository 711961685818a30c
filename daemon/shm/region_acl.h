#pragma once

#include <sys/types.h>

#include <optional>

namespace ivshmemd {

/// Adds read and write for a user and a group to the POSIX ACL of an open file. 0, or an errno.
int grant_access(int fd, std::optional<uid_t> user, std::optional<gid_t> group);

}  // namespace ivshmemd
