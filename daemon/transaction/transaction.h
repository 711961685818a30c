#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "daemon/attach/attach.h"
#include "daemon/base/async.h"
#include "daemon/detach/detach.h"
#include "lib/transaction.h"

// Carries out transactions (lib/transaction.h): every step in its VM's turn, as if a client had
// asked for it alone. Nothing of a VM is held between two steps, so that VMs never wait for each
// other's, and reads never wait. Others may change a VM in between; then a step fails, or an undo
// leaves something, like any other.
namespace ivshmemd {

struct Host;

struct TransactionWishes {
    bool dry_run = false;
    Milliseconds timeout{30000};  // for the guests to let devices go, each time that is asked
    /// Devices that their guests have yet to let go do not make it fail.
    bool may_pend = false;
    /// Regions that this daemon made go with their last device, once all else has taken effect.
    bool remove_regions = false;
    std::map<std::string, mode_t> modes{};  // of regions that are made, by path
};

/// How far it is, as the API tells it.
struct TransactionStep {
    std::string phase;
    std::string text;
    std::size_t done = 0;  // steps, of all that attach or detach
    std::size_t total = 0;
};
using TransactionProgress = std::function<void(const TransactionStep&)>;

/// What came of the plan of one VM, step by step.
struct Changed {
    std::string vm;
    std::vector<Attached> attached;
    std::vector<Detached> detached;
};

struct TransactionResult {
    std::vector<Changed> vms;               // in the order of the plans
    std::vector<std::string> kept_regions;  // why regions stay that were to go, for people
};

/// Changes all VMs as planned, or none: then TransactionFailed. What is changed counts as changed
/// by hand. Whoever waits may go; the work is brought to its end.
awaitable<Result<TransactionResult>> run_transaction(Host& host, std::vector<VmPlan> plans,
                                                     TransactionWishes wishes,
                                                     TransactionProgress progress);

}  // namespace ivshmemd
