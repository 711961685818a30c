#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "daemon/base/async.h"
#include "daemon/fleet/registry.h"
#include "lib/diagnosis/diagnosis.h"

namespace ivshmemd {

/// How the QEMUs are told to migrate, by VM. Of those with a master that answer soon; the others
/// are left out.
using AskedSettings = std::map<std::string, MigrationSettings>;
awaitable<AskedSettings> ask_migration_settings(std::vector<std::shared_ptr<Vm>> vms);

/// What the daemon knows of its VMs, devices and regions, with what the host says about them at
/// this moment.
HostFacts diagnosis_facts(const Host& host, const Registry& registry,
                          const AskedSettings& settings = {});

}  // namespace ivshmemd
