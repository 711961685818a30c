#pragma once

#include <memory>

#include "daemon/base/async.h"

// A change of several VMs is written down before anything of it is begun, and struck out when it
// has come to its end, whichever; but for a VM that could not be asked when it was to be undone.
// What a daemon finds written down that no transaction of its own is about is from one that was
// killed, or was left so: it undoes that, VM by VM as they are connected, since nobody knows
// whether the client got an answer.
namespace ivshmemd {

class Vm;
struct TransactionRun;

/// Returns when the change is on disk, whichever of its steps asked for that first.
awaitable<void> write_change_down(std::shared_ptr<TransactionRun> run);

/// The device of the plan of this VM was there already: undoing must not take it.
awaitable<void> note_unchanged(std::shared_ptr<TransactionRun> run, std::shared_ptr<Vm> vm,
                               std::string device);

/// It has come to its end, but for what is left in VMs that could not be asked.
awaitable<void> strike_change_out(std::shared_ptr<TransactionRun> run);

/// Undoes in this VM what an earlier run of the daemon left halfway, or a change that could not ask
/// it: now, or when it answers. For a new connection, and the end of such a change.
void undo_unfinished(const std::shared_ptr<Vm>& vm);

}  // namespace ivshmemd
