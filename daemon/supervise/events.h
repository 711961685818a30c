#pragma once

#include <memory>

#include "daemon/vm/vm.h"
#include "proto/qmp/message.h"

namespace ivshmemd {

/// Follows what QEMU tells unasked: devices that left, guests that refused, changes of run state.
void follow_event(const std::shared_ptr<Vm>& vm, const qmp::Event& event);

/// Completes removals whose event never comes, once a reading has shown the device as gone.
void follow_departures(const std::shared_ptr<Vm>& vm);

}  // namespace ivshmemd
