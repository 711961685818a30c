#pragma once

#include <memory>
#include <optional>
#include <string>

#include "daemon/base/async.h"
#include "daemon/qmp/session.h"
#include "lib/inventory.h"

namespace ivshmemd {

struct Reading {
    Inventory inventory;
    std::string run_state;
};

/// Reads what a QEMU holds at this moment; nothing when it does not answer by the deadline, which
/// covers each of the two rounds.
awaitable<std::optional<Reading>> read_inventory(std::shared_ptr<qmp::Session> session,
                                                 std::string region_dir, Milliseconds deadline);

}  // namespace ivshmemd
