#pragma once

#include <string>
#include <string_view>

#include "daemon/config.h"
#include "lib/result.h"

namespace ivshmemd {

inline constexpr const char* default_config_path = "/etc/ivshmemd/ivshmemd.toml";

/// Puts what a TOML text says into `config`. InvalidParameter names the line or the key: an unknown
/// key is an error, since a misspelt one would silently do nothing.
Result<void> read_config_text(std::string_view text, Config& config);

/// The ids of a user or group given by name or number.
std::optional<uid_t> user_id(const std::string& name);
std::optional<gid_t> group_id(const std::string& name);

}  // namespace ivshmemd
