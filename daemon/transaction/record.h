#pragma once

#include <memory>

#include "daemon/base/async.h"

// A change of several VMs is written down before anything of it is begun, and struck out when it
// has come to its end, whichever. What a daemon finds written down that no transaction of its own
// is about is from one that was killed: it undoes that, VM by VM as they are connected, since
// nobody knows whether the client got an answer.
namespace ivshmemd {

class Vm;
struct TransactionRun;

/// Returns when the change is on disk, whichever of its steps asked for that first.
awaitable<void> write_change_down(std::shared_ptr<TransactionRun> run);

/// The device of the plan of this VM was there already: undoing must not take it.
awaitable<void> note_unchanged(std::shared_ptr<TransactionRun> run, std::shared_ptr<Vm> vm,
                               std::string device);

/// It has come to its end.
awaitable<void> strike_change_out(std::shared_ptr<TransactionRun> run);

/// For a new connection: undoes in this VM what an earlier run of the daemon left halfway.
void undo_unfinished(const std::shared_ptr<Vm>& vm);

}  // namespace ivshmemd
