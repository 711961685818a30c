#pragma once

#include "lib/capabilities.h"
#include "lib/device.h"
#include "lib/result.h"

namespace ivshmemd {

/// Older QEMUs abort when a device is plugged in again, so their devices are not changed.
inline constexpr Version oldest_changed{3, 1, 0};

/// The model a request gets, or ModelNotSupported / ConfigUnsupported.
///
/// A named model is that model or an error. With none named: legacy where QEMU has it, which is
/// what callers of old QEMUs always got; else with a server the doorbell model, which needs msi;
/// else plain.
Result<Model> resolve_model(const DeviceRequest& request, const Capabilities& capabilities);

/// ConfigUnsupported for options that do not go together on this model, whatever the QEMU.
Result<void> check_options(Model model, const DeviceRequest& request);

/// The model a caller gets who names none; nothing when there is none.
std::optional<Model> default_model(const Capabilities& capabilities, bool with_server);

}  // namespace ivshmemd
