#pragma once

#include <map>
#include <memory>
#include <string>

#include "daemon/base/async.h"
#include "daemon/base/worker.h"
#include "daemon/config/config.h"
#include "daemon/deadlines.h"
#include "daemon/events/events.h"
#include "daemon/region/files.h"
#include "daemon/region/users.h"
#include "daemon/relay/relays.h"
#include "daemon/state/store.h"

namespace ivshmemd {

class Vm;

/// What every part of the daemon shares. Outlives them all.
struct Host {
    Executor executor;
    Config config;
    Deadlines deadlines;
    Worker worker;
    Worker looker;  // at /proc of the QEMUs, and never behind a reservation of memory
    Events events;
    Relays relays;
    RegionFiles regions;
    std::unique_ptr<StateStore> store;
    /// All VMs, by name. Whom it holds is the registry's affair, here and among the region's users.
    std::map<std::string, std::shared_ptr<Vm>> vms;
    RegionUsers region_users;

    Host(Executor executor_, Config config_)
        : executor(std::move(executor_)),
          config(std::move(config_)),
          relays(executor, [this](const std::string& vm, const std::string& device,
                                  const std::string& why) { server_lost(vm, device, why); }),
          regions(config.places(), config.region_group, config.reserve_percent) {}

  private:
    void server_lost(const std::string& vm, const std::string& device, const std::string& why);
};

}  // namespace ivshmemd
