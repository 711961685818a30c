#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

// The API's replies as people read them. Fields that are missing or of another type show as "-": a
// newer daemon must not break an older client.

namespace ivshmemd::ctl {

struct Console;

/// Reply of ListVms.
void render_vms(const nlohmann::json& reply, Console& console);

/// Reply of Probe.
void render_capabilities(const nlohmann::json& reply, Console& console);

/// Reply of ListDevices.
void render_devices(const nlohmann::json& reply, Console& console);

/// Reply of ListDevices, every field of each device.
void render_device_details(const nlohmann::json& reply, Console& console);

/// A device in one line: "ivshmem-plain, peer, pci.0 slot 29, region shm0, 64M".
std::string device_summary(const nlohmann::json* device);

}  // namespace ivshmemd::ctl
