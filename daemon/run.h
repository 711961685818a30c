#pragma once

#include "daemon/config/config.h"
#include "daemon/reload.h"

namespace ivshmemd {

/// Runs the daemon until SIGTERM or SIGINT; SIGHUP makes it read the configuration again. The exit
/// code.
int run_daemon(const Config& config, ConfigReader read_again);

}  // namespace ivshmemd
