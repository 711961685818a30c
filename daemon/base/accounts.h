#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

namespace ivshmemd {

/// The ids of a user or group given by name or number.
std::optional<uid_t> user_id(const std::string& name);
std::optional<gid_t> group_id(const std::string& name);

/// The name of a user, or the number of one that has no name.
std::string user_name(uid_t uid);

}  // namespace ivshmemd
