#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace ivshmemd::ctl {

/// What is there as a topology: applied, it changes nothing. From the replies of ListDevices and
/// ListRegions. Buses, slots and models are left to whoever applies it, and so are the modes of
/// regions that have the usual one, or that somebody else made. `left_out` gets "VM/NAME" of
/// devices of ours that cannot be described: those of VMs that are not connected, and those whose
/// memory is neither a region's nor a server's that is known.
nlohmann::json export_topology(const nlohmann::json& devices, const nlohmann::json& regions,
                               std::vector<std::string>& left_out);

}  // namespace ivshmemd::ctl
