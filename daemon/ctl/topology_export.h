#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace ivshmemd::ctl {

/// What is there as a topology: applied, it changes nothing. From the reply of ListDevices. Buses,
/// slots and models are left to whoever applies it. `left_out` gets "VM/NAME" of devices of ours
/// that cannot be described: those of VMs that are not connected, and those whose memory is
/// neither a region's nor a server's that is known.
nlohmann::json export_topology(const nlohmann::json& devices, std::vector<std::string>& left_out);

}  // namespace ivshmemd::ctl
