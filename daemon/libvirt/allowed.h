#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "proto/json.h"

namespace ivshmemd::libvirt {

/// Whether a command may go on to a domain's QEMU: only what ivshmemd sends does, by its name and
/// the shape of its arguments (null: none). A bridge to libvirt may do whatever libvirt may, and
/// none of that is for who connects to it: migrations of a domain, for one, are libvirt's own.
/// Nothing, or why not.
std::optional<std::string> refusal(std::string_view command, const json* arguments);

/// Whether QEMU takes a descriptor with this command.
bool takes_descriptor(std::string_view command);

}  // namespace ivshmemd::libvirt
