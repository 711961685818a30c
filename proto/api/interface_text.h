#pragma once

#include <string_view>

namespace ivshmemd::api {

/// The text of io.ivshmemd.Hotplug.varlink, built into the program so that GetInterfaceDescription
/// and the published file can never differ.
std::string_view interface_text();

inline constexpr std::string_view interface_name = "io.ivshmemd.Hotplug";

}  // namespace ivshmemd::api
