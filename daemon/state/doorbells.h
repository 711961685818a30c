#pragma once

#include <optional>
#include <string>

#include "daemon/base/async.h"
#include "daemon/state/store.h"

// What the state file remembers of doorbells whose descriptors have to be parked when they leave.
// Whatever changes it is on disk when it returns.
namespace ivshmemd {

/// Above all numbers of the device's descriptors; nothing when that is not known of this process.
std::optional<int> doorbell_top(const StateStore& store, const VmKey& vm,
                                const std::string& device);

/// Forgets those of the VM's earlier processes, too.
awaitable<void> remember_doorbell(StateStore& store, VmKey vm, std::string device, int top);

awaitable<void> forget_doorbell(StateStore& store, VmKey vm, std::string device);

}  // namespace ivshmemd
