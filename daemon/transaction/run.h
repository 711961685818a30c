#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "daemon/base/scope.h"
#include "daemon/base/signal.h"
#include "daemon/host.h"
#include "daemon/state/changes.h"
#include "daemon/transaction/transaction.h"

namespace ivshmemd {

/// One transaction under way.
struct TransactionRun {
    Host& host;
    TransactionWishes wishes;
    TransactionProgress progress;
    Transaction course;
    std::shared_ptr<const std::vector<VmPlan>> plans;
    Scope scope;
    Signal ended;
    TransactionResult result{};
    std::map<std::string, DeviceSpec> taken_out{};  // "VM/NAME": as it was
    std::vector<Task> to_return{};  // detaches that may take effect late, or could not be undone
    std::map<std::string, RegionIdentity> made{};  // regions, by path
    std::vector<std::string> leaked{};             // by QEMU, in a step that failed
    DevicesOfVms left{};  // that are to be taken out as soon as their VM can be asked
    std::size_t steps_done = 0;
    std::uint64_t number = 0;  // in the state file, once its first step has been begun
    bool written_down = false;

    TransactionRun(Host& host_, std::vector<VmPlan> plans_, TransactionWishes wishes_,
                   TransactionProgress progress_);

    /// Null when it is not there any more.
    std::shared_ptr<Vm> vm(std::size_t index) const;
    std::string name_of(const Task& task) const;
};

/// What came of one task.
struct TaskEnd {
    Transaction::Outcome outcome = Transaction::Outcome::failed;
    Error error{ErrorKind::internal, "an internal fault of ivshmemd, which its log tells more of"};
};

/// Detaches the device of a task. `with_region`: the region that was made for it goes along.
awaitable<Result<Detached>> ask_to_leave(std::shared_ptr<TransactionRun> run,
                                         std::shared_ptr<Vm> vm, Task task, bool with_region,
                                         Milliseconds timeout);

/// Carries out a task that is no check.
awaitable<void> carry_out_task(std::shared_ptr<TransactionRun> run, Task task,
                               std::shared_ptr<TaskEnd> end);

/// After all took effect: what was changed was changed by hand, and regions go that were to.
awaitable<void> settle_success(std::shared_ptr<TransactionRun> run);

/// After all was undone that could be: what leaves late, or could not be put back, is attached as
/// it was when that can be, by this daemon or a later one. "VM/NAME" of these.
awaitable<std::vector<std::string>> return_later(std::shared_ptr<TransactionRun> run);

/// After all was undone: regions go that were made. Paths of those that stay.
awaitable<std::vector<std::string>> take_back_regions(std::shared_ptr<TransactionRun> run);

}  // namespace ivshmemd
