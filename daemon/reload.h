#pragma once

#include <boost/asio/signal_set.hpp>
#include <functional>

#include "daemon/base/notify.h"
#include "daemon/config/config.h"
#include "daemon/fleet/registry.h"
#include "daemon/host.h"

namespace ivshmemd {

/// Reads the command line and the configuration file again.
using ConfigReader = std::function<Result<Config>()>;

/// Puts a new configuration in force: VMs and their declared devices, watched directory, trusted
/// users, limits and log level. A VM whose entry is unchanged notices nothing. What only a restart
/// can change stays as it was, and the log names it.
void apply_config(Host& host, Registry& registry, Config config);

/// Reloads at every signal of the set until it is cancelled, and tells the service manager when
/// that begins and ends. What cannot be read changes nothing, and the status says why.
awaitable<void> reload_on_signal(boost::asio::signal_set& signals, Host& host, Registry& registry,
                                 ConfigReader read, ManagerStatus& status);

}  // namespace ivshmemd
