#pragma once

#include <memory>
#include <string>
#include <vector>

#include "daemon/base/async.h"
#include "daemon/migration/progress.h"
#include "lib/device.h"
#include "lib/result.h"

// Holds: devices of a VM are out while a client has something else migrate or save it.
//
// What is out is written down as a migration's peers are (MigrationRecord, without a URI), so that
// a daemon that is killed brings it back, and a VM that left takes it along by replug. While the
// hold lives, nobody gets a turn to change the VM's devices (MigrationMark): one that is plugged in
// meanwhile would block what the client is about, or not be where the VM arrives; and a migration
// of ours would have a plan of its own.
//
// The client ends it by release_hold() or by going away; then keep_hold() waits until QEMU neither
// migrates nor is saved, and plugs everything in again. A VM that has left by then keeps its record
// for replug.
namespace ivshmemd {

class MigrationMark;
class Vm;
struct Hold;
struct Host;
struct Migration;

struct HoldRequest {
    bool masters = false;         // take them out as well
    Milliseconds timeout{30000};  // for the guest to let the devices go, all together
};

/// Takes the VM's devices out for a client, waiting for the guest. All or none: where one stays,
/// the others come back at once, and it does when the guest lets it go later. From the answer on
/// the hold goes on by itself. MigrationActive, OperationInProgress, MigrationBlocked, and the
/// errors of detach().
awaitable<Result<void>> take_hold(std::shared_ptr<Vm> vm, std::shared_ptr<Hold> hold,
                                  HoldRequest request, MigrationProgress progress);

/// The client wants it no longer. Returns at once. `name` is the VM's, which need not be there.
void end_hold(Host& host, const std::string& name, const std::shared_ptr<Hold>& hold);

/// The same, and waits until the devices are back or the VM has left. VmUnavailable when the daemon
/// stops first.
awaitable<Result<void>> release_hold(Host& host, std::string name, std::shared_ptr<Hold> hold,
                                     MigrationProgress progress);

/// For a new connection: goes on with the hold of a VM that was away, and ends one that an earlier
/// run of the daemon left behind.
void resume_hold(const std::shared_ptr<Vm>& vm);

/// It is settled, and nobody's any more.
void forget_hold(Host& host, const std::string& name, Hold& hold);

/// The rest of a hold whose devices are out.
awaitable<void> keep_hold(Migration migration, std::shared_ptr<Hold> hold,
                          std::shared_ptr<MigrationMark> mark);

}  // namespace ivshmemd
