#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "daemon/base/unique_fd.h"
#include "lib/result.h"

namespace ivshmemd {

struct UnixListener {
    UniqueFd socket;            // does not block
    std::string group_problem;  // why it has not got the group asked for; else empty
};

/// A listening stream socket at `path`, whose directory is made where it is missing. Nobody may
/// connect before its mode and group are set. A socket file nobody serves any more is replaced;
/// internal when somebody does, or when it cannot be made.
Result<UnixListener> listen_at(const std::string& path, mode_t mode, std::optional<gid_t> group);

}  // namespace ivshmemd
