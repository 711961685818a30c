#pragma once

#include <optional>
#include <string>

#include "daemon/base/async.h"
#include "daemon/state/store.h"

// What the state file remembers of the descriptors that QEMU was given for devices with a server.
// Whatever changes it is on disk when it returns.
namespace ivshmemd {

/// What the numbers of this device's descriptors in this QEMU process lie between; nothing when
/// that is not remembered.
std::optional<DescriptorRange> doorbell_range(const StateStore& store, const VmKey& vm,
                                              const std::string& device);

/// Replaces what is remembered of the device, and forgets what an earlier QEMU process of this VM
/// was given.
awaitable<void> remember_doorbell(StateStore& store, VmKey vm, std::string device,
                                  DescriptorRange range);

/// The numbers are occupied again, or the QEMU process has ended.
awaitable<void> forget_doorbell(StateStore& store, VmKey vm, std::string device);

}  // namespace ivshmemd
