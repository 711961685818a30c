#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>

#include "daemon/base/async.h"
#include "daemon/base/notify.h"
#include "daemon/base/worker.h"
#include "daemon/config/config.h"
#include "daemon/deadlines.h"
#include "daemon/events/events.h"
#include "daemon/region/files.h"
#include "daemon/region/users.h"
#include "daemon/relay/relays.h"
#include "daemon/state/store.h"
#include "lib/hold.h"

namespace ivshmemd {

class Vm;

/// What every part of the daemon shares. Outlives them all.
struct Host {
    Executor executor;
    Config config;
    Deadlines deadlines;
    // Each has its own thread, made at first use, because none is to wait for the others.
    Worker worker;   // reserves memory, which may take seconds, one region after the other
    Worker writer;   // of the state
    Worker remover;  // of regions; and makes probe files
    Worker looker;   // at /proc of the QEMUs
    Worker parser;   // of QEMU's long messages
    Events events;
    ManagerPost manager;
    Relays relays;
    RegionFiles regions;
    std::unique_ptr<StateStore> store;
    /// All VMs, by name. Whom it holds is the registry's affair, here and among the region's users.
    std::map<std::string, std::shared_ptr<Vm>> vms;
    RegionUsers region_users;
    /// What clients hold, or held, by the VM's name: also while that VM is away.
    std::map<std::string, std::shared_ptr<Hold>> holds;
    /// Numbers of the changes of several VMs (lib/saved_state.h) that are under way here.
    std::set<std::uint64_t> live_changes;
    std::uint64_t last_change = 0;

    Host(Executor executor_, Config config_)
        : executor(std::move(executor_)),
          config(std::move(config_)),
          manager(executor),
          relays(executor, manager,
                 [this](const std::string& vm, const std::string& device, const std::string& why) {
                     server_lost(vm, device, why);
                 }),
          regions(config.places(), config.region_group, config.reserve_percent) {}

  private:
    void server_lost(const std::string& vm, const std::string& device, const std::string& why);
};

}  // namespace ivshmemd
