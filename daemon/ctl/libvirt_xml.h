#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace ivshmemd::ctl {

/// What makes these devices, as ListDevices tells them, permanent in libvirt's description of their
/// VM: a `<qemu:commandline>` that keeps the names of those with a region, and a `<shmem>` for each
/// with a doorbell server. What cannot be told goes to `left_out`, by name.
std::string libvirt_xml(const nlohmann::json& devices, std::vector<std::string>& left_out);

}  // namespace ivshmemd::ctl
