#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "daemon/base/unique_fd.h"
#include "lib/result.h"

namespace ivshmemd {

/// The API's listening socket: the one systemd passes, else a new one at `path`, mode 0660. The
/// group is given where it may be; `warning` says when not. A socket file nobody serves is
/// replaced.
Result<UniqueFd> listen_for_clients(const std::string& path, std::optional<gid_t> group,
                                    std::string& warning);

}  // namespace ivshmemd
