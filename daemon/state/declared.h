#pragma once

#include <optional>
#include <string>

#include "daemon/base/async.h"
#include "daemon/config/config.h"
#include "daemon/state/store.h"
#include "lib/declared_devices.h"

// What the state file remembers of declared devices. Whatever changes it is on disk when it
// returns.
namespace ivshmemd {

/// Of this VM's device; nothing when nothing is remembered.
std::optional<DeclaredRecord> declared_record(const StateStore& store, const std::string& vm,
                                              const std::string& device);

/// Replaces what is remembered of the device.
awaitable<void> put_declared(StateStore& store, DeclaredRecord record);

/// Forgets the device.
awaitable<void> drop_declared(StateStore& store, std::string vm, std::string device);

/// Whoever takes a device out by hand does not want it back while this QEMU runs. `declared` is
/// whether the configuration has it; one that it has not and never had is not remembered.
awaitable<void> keep_away(StateStore& store, VmKey vm, std::string device, bool declared);

/// A device that was attached by hand stays when its declaration goes.
awaitable<void> note_by_hand(StateStore& store, VmKey vm, std::string device);

enum class AwayDevices { stay, come_back };

/// Forgets what the configuration no longer declares; and which devices were taken out by hand, if
/// they are to come back.
awaitable<void> forget_undeclared(StateStore& store, const Config& config, AwayDevices away);

}  // namespace ivshmemd
