#pragma once

#include <memory>
#include <string>

#include "daemon/base/async.h"
#include "daemon/host.h"
#include "daemon/qmp/session.h"
#include "lib/inventory.h"
#include "lib/result.h"
#include "proto/qmp/question.h"

namespace ivshmemd {

struct Reading {
    Inventory inventory;
    std::string run_state;
};

/// Asks all of these, in as many writes as it takes. What is missing of the answers, in words;
/// empty when nothing is.
awaitable<std::string> ask(std::shared_ptr<qmp::Session> session,
                           std::vector<qmp::Question> questions, Milliseconds deadline);

/// VmUnavailable for a QEMU that leaves something out.
Error unread(const std::string& why);

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
