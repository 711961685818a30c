#pragma once

#include "daemon/libvirt/options.h"

namespace ivshmemd::libvirt {

/// Serves until SIGTERM or SIGINT. The exit code.
int run_bridge(const Options& options);

}  // namespace ivshmemd::libvirt
