#pragma once

#include <memory>
#include <string>
#include <vector>

#include "daemon/base/async.h"
#include "daemon/qmp/answer.h"
#include "daemon/vm/vm.h"
#include "lib/plan.h"
#include "lib/result.h"

namespace ivshmemd {

/// What came of a plan, step by step.
struct Execution {
    std::vector<qmp::Answer> answers;
    std::vector<StepOutcome> outcomes;

    bool all_done() const;
    /// Whether the monitor went away before all answers were there.
    bool disconnected() const;
    /// Whether QEMU has heard of none of the steps: it leaves too many commands unanswered.
    bool not_sent() const;
    /// The first step that QEMU refused; the number of steps when it refused none.
    std::size_t first_refused() const;
};

/// Sends all steps in one write and waits for their answers. A descriptor goes along, for a PassFd
/// among them.
awaitable<Execution> execute(std::shared_ptr<Vm> vm, std::vector<Command> commands,
                             Milliseconds deadline, UniqueFd fd = {});

/// The commands of a plan's steps.
std::vector<Command> commands_of(const Plan& plan);

/// QemuError with QEMU's own words; `leftovers` are ids that could not be deleted.
Error qemu_error(const Command& command, const qmp::ErrorReply& reply,
                 const std::vector<std::string>& leftovers, const Version& version);

/// VmUnavailable for a QEMU whose monitor went away during `what`.
Error gone_error(const Vm& vm, const std::string& what);

/// VmUnavailable for one that leaves so many commands unanswered that `what` was not even sent.
Error busy_error(const Vm& vm, const std::string& what);

/// TimedOut for one that fell silent; `outcome` is done, undone or unknown.
Error silence_error(const Vm& vm, const std::string& what, const std::string& outcome);

/// Deletes a backend. True when it is gone; else it is reported as leaked.
awaitable<bool> delete_backend(std::shared_ptr<Vm> vm, std::string id, std::string device);

/// The same for a chardev, which QEMU may call busy for a moment after its device has gone.
awaitable<bool> delete_chardev(std::shared_ptr<Vm> vm, std::string id, std::string device);

}  // namespace ivshmemd
