#pragma once

#include <nlohmann/json_fwd.hpp>

#include "lib/inventory.h"

namespace ivshmemd::ctl {

/// What a reply to ListDevices of one VM tells of its QEMU, for the rules of lib. Devices that
/// share a slot are told apart by their order.
Inventory inventory_of(const nlohmann::json& devices);

/// One device of that reply.
DeviceSpec listed_spec(const nlohmann::json& device);

}  // namespace ivshmemd::ctl
