#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

namespace ivshmemd {

/// Adds read and write for a user and a group to the POSIX ACL of an open file. 0, or an errno.
int grant_access(int fd, std::optional<uid_t> user, std::optional<gid_t> group);

/// Whether the POSIX ACL of a file has an entry with read and write, mask included, for this user.
bool acl_admits(const std::string& path, uid_t user);

}  // namespace ivshmemd
