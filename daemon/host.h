#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "daemon/base/async.h"
#include "daemon/base/worker.h"
#include "daemon/config/config.h"
#include "daemon/deadlines.h"
#include "daemon/events/events.h"
#include "daemon/region/files.h"
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
    Events events;
    Relays relays;
    RegionFiles regions;
    std::unique_ptr<StateStore> store;
    /// "VM/NAME" of the device that is master of a region, other than `except`; empty when none.
    std::function<std::string(const RegionIdentity&, const std::string& except)> find_master;
    /// "VM/NAME" of any device that maps a region; empty when none.
    std::function<std::string(const RegionIdentity&)> find_user;
    /// "VM/NAME" of all devices of running VMs that map a region, other than those of `except`.
    std::function<std::vector<std::string>(const RegionIdentity&, const Vm& except)> find_sharers;
    /// All VMs, by name.
    std::function<std::vector<std::shared_ptr<Vm>>()> all_vms;

    Host(Executor executor_, Config config_)
        : executor(std::move(executor_)),
          config(std::move(config_)),
          relays(executor, [this](const std::string& vm, const std::string& device,
                                  const std::string& why) { server_lost(vm, device, why); }),
          regions(config.region_dir, config.region_group) {}

  private:
    void server_lost(const std::string& vm, const std::string& device, const std::string& why);
};

}  // namespace ivshmemd
