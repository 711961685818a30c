#pragma once

#include <memory>

#include "proto/qmp/message.h"

namespace ivshmemd {

class Vm;

/// Follows what QEMU tells unasked: devices that left, guests that refused, changes of run state.
void follow_event(const std::shared_ptr<Vm>& vm, const qmp::Event& event);

}  // namespace ivshmemd
