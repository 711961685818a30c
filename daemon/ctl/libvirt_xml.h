#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace ivshmemd::ctl {

/// A device that stays out of a description, and why, for people.
struct LeftOut {
    std::string device;
    std::string why;

    bool operator==(const LeftOut&) const = default;
};

/// What makes these devices, as ListDevices tells them, permanent in libvirt's description of their
/// VM: a `<qemu:commandline>` that keeps the names of those with a region. None with a doorbell
/// server: libvirt would connect QEMU to it, which does not survive peers that leave. What cannot
/// be told goes to `left_out`.
std::string libvirt_xml(const nlohmann::json& devices, std::vector<LeftOut>& left_out);

}  // namespace ivshmemd::ctl
