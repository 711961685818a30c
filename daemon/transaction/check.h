#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "daemon/attach/attach.h"
#include "daemon/base/async.h"
#include "lib/transaction.h"

namespace ivshmemd {

struct Host;

/// What is planned for one VM, looked at before anything is begun.
struct PlanCheck {
    std::vector<Error> faults;      // all of them
    std::set<std::size_t> late;     // steps of `attach` that wait until what leaves has left
    std::vector<Attached> devices;  // by step of `attach`: what would come of it
};

/// Changes nothing, and meets the servers of devices. `plans` are those of all VMs: what leaves
/// another one makes room here, and two of them cannot have a master of the same memory.
awaitable<PlanCheck> check_plan(Host& host, std::shared_ptr<const std::vector<VmPlan>> plans,
                                std::size_t index);

}  // namespace ivshmemd
