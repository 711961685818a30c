#pragma once

#include <memory>

#include "daemon/base/async.h"

// What becomes of devices that the configuration declares
//
// A declared device is attached whenever its VM appears, by the same way as one that a client asks
// for, in its turn; settle_declared() says that there may be something to do, and one coroutine a
// VM does it, until nothing is due. Three things are remembered of each, by the QEMU process they
// are of (DeclaredRecord): the model that it got first, which it keeps; that it came because it is
// declared, so that it goes when its declaration does; and that somebody took it out by hand, so
// that it stays away while that QEMU runs. What was attached by hand is never taken out.
//
// A device that is there otherwise than declared is exchanged: detached, and attached as declared.
// That is decided before it is touched (exchange.h), for a working device is worth more than a
// right one. A guest may take its time to let it go, and holds up no other device by that; what a
// migration will bring back is left to the migration. What cannot be done now, because the VM is
// not there or migrates, is done when that is over; what fails is said (declaredFailed, doctor) and
// tried again at the next connection or reload.
namespace ivshmemd {

class Vm;

/// Brings a VM's devices to what the configuration declares: when it is connected, and after a
/// reload. Goes on in the background, each device in its turn behind the VM's gate like any other
/// request; what cannot be done while a migration runs or a guest keeps a device waits for that.
/// What fails is reported, and tried again the next time this is called.
void settle_declared(const std::shared_ptr<Vm>& vm);

}  // namespace ivshmemd
