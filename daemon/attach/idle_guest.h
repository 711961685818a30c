#pragma once

#include <memory>

#include "daemon/base/async.h"
#include "lib/result.h"

namespace ivshmemd {

class Vm;

/// For a QEMU that adds_to_idle_guests_only: waits until each of its threads has waited for
/// something since, as a processor's does when its guest has nothing for it to do.
/// ConfigUnsupported when one goes on running, or when /proc does not tell: its machine would stand
/// still for as long.
/// Called with much patience before the VM's turn is taken, and briefly right before device_add.
awaitable<Result<void>> await_idle_guest(std::shared_ptr<Vm> vm, Milliseconds patience);

inline constexpr Milliseconds briefly{3000};

}  // namespace ivshmemd
