#pragma once

#include "daemon/attach/attempt.h"
#include "lib/plan.h"

namespace ivshmemd {

/// A device has come to another bus than the one that was meant, since QEMU found that by a path
/// that led elsewhere by then: it is taken out again. The error names both buses, and as leftovers
/// what the guest has not let go yet; that goes as soon as it does. `landed`: the QOM path of the
/// bus, or what QEMU said instead.
awaitable<Attempt> take_back_misplaced(std::shared_ptr<Vm> vm, DeviceSpec spec, Parts parts,
                                       std::string landed);

}  // namespace ivshmemd
