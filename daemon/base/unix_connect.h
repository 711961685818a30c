#pragma once

#include <string>

#include "daemon/base/unique_fd.h"

namespace ivshmemd {

/// Connects to a listening Unix socket at once or not at all; the descriptor never blocks. An empty
/// one with errno set on failure: ENAMETOOLONG for a path that fits no socket, EAGAIN while the
/// listener's queue is full.
UniqueFd connect_unix(const std::string& path);

}  // namespace ivshmemd
