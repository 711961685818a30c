#pragma once

#include "daemon/config.h"

namespace ivshmemd {

/// Runs the daemon until SIGTERM or SIGINT. The exit code.
int run_daemon(const Config& config);

}  // namespace ivshmemd
