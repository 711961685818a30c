#pragma once

#include <string>
#include <string_view>

#include "daemon/config/config.h"
#include "lib/result.h"

namespace ivshmemd {

inline constexpr const char* default_config_path = "/etc/ivshmemd/ivshmemd.toml";

/// Puts what a TOML text says into `config`. InvalidParameter names the line or the key: an unknown
/// key is an error, since a misspelt one would silently do nothing.
Result<void> read_config_text(std::string_view text, Config& config);

}  // namespace ivshmemd
