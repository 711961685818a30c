#pragma once

#include <memory>
#include <string>

#include "daemon/base/async.h"

namespace ivshmemd {

class Vm;

/// Waits until QEMU has no RAM block of that name any more. A backend's memory outlives object-del
/// by a moment, and QEMU aborts when a second one of its name comes to the same slot. The resting
/// of slots keeps them apart, except for what left before this connection was made, and where a
/// slot need not rest: then QEMU is asked. False when it fell silent or went away meanwhile.
awaitable<bool> await_unregistered(std::shared_ptr<Vm> vm, std::string block);

}  // namespace ivshmemd
