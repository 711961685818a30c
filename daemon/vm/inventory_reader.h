#pragma once

#include <memory>
#include <string>

#include "daemon/base/async.h"
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
                                          std::string region_dir, Milliseconds deadline);

}  // namespace ivshmemd
