#pragma once

#include <memory>
#include <string>

#include "daemon/base/async.h"
#include "daemon/host.h"
#include "daemon/qmp/session.h"
#include "lib/inventory.h"
#include "lib/result.h"

namespace ivshmemd {

struct Reading {
    Inventory inventory;
    std::string run_state;
};

/// Reads what a QEMU holds at this moment. VmUnavailable, naming the question, when one that is
/// needed is refused or gets no answer by the deadline, which covers each round of questions.
awaitable<Result<Reading>> read_inventory(std::shared_ptr<qmp::Session> session,
                                          RegionPlaces places, Milliseconds deadline);

/// The same, with what the devices map. `pid`: of that QEMU, where it is known.
awaitable<Result<Reading>> read_inventory_and_memory(Host& host,
                                                     std::shared_ptr<qmp::Session> session,
                                                     std::optional<pid_t> pid,
                                                     Milliseconds deadline);

}  // namespace ivshmemd
