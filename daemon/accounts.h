#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

namespace ivshmemd {

/// The ids of a user or group given by name or number.
std::optional<uid_t> user_id(const std::string& name);
std::optional<gid_t> group_id(const std::string& name);

}  // namespace ivshmemd
