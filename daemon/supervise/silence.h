#pragma once

#include <memory>

#include "daemon/vm/vm.h"

namespace ivshmemd {

/// A QEMU has left a command unanswered, or answers again. What it did late is found then, and what
/// is left of an operation that was given up meanwhile is deleted.
void follow_responsiveness(const std::shared_ptr<Vm>& vm, bool responsive);

}  // namespace ivshmemd
