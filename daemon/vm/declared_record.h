#pragma once

#include <memory>
#include <optional>
#include <string>

#include "daemon/async.h"
#include "daemon/vm/vm.h"
#include "lib/declared_devices.h"

// What the state file remembers of declared devices. Whatever changes it is on disk when it
// returns.
namespace ivshmemd {

/// Of this VM's device; nothing when nothing is remembered.
std::optional<DeclaredRecord> declared_record(const Vm& vm, const std::string& device);

/// Replaces what is remembered of the device.
awaitable<void> put_declared(Host& host, DeclaredRecord record);

/// Whoever takes a declared device out by hand does not want it back while this QEMU runs.
awaitable<void> keep_away(std::shared_ptr<Vm> vm, std::string device);

/// A device that was attached by hand stays when its declaration goes.
awaitable<void> note_by_hand(std::shared_ptr<Vm> vm, std::string device);

enum class AwayDevices { stay, come_back };

/// Forgets what the configuration no longer declares; and which devices were taken out by hand, if
/// they are to come back.
awaitable<void> forget_undeclared(Host& host, AwayDevices away);

}  // namespace ivshmemd
