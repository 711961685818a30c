#pragma once

#include "daemon/doorbell/options.h"

namespace ivshmemd::doorbell {

/// Serves until SIGTERM or SIGINT. The exit code.
int run_server(const Options& options);

}  // namespace ivshmemd::doorbell
