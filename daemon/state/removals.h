#pragma once

#include <string>
#include <vector>

#include "daemon/base/async.h"
#include "daemon/state/store.h"

// What the state file remembers of removals under way. Whatever changes it is on disk when it
// returns.
namespace ivshmemd {

/// Those of this VM.
std::vector<RemovalIntent> removal_intents(const StateStore& store, const VmKey& vm);

/// Keeps a removal until it is done, for the daemon that may have to go on waiting for it.
awaitable<void> save_intent(StateStore& store, VmKey vm, DeviceSpec spec, bool remove_region);

/// It is done, or its device has gone with its QEMU.
awaitable<void> drop_intent(StateStore& store, VmKey vm, std::string device);

}  // namespace ivshmemd
