#pragma once

#include <optional>
#include <string_view>

#include "lib/result.h"

namespace ivshmemd {

/// Who owns the data in a migration (QEMU, docs/system/devices/ivshmem: "peer" and "master").
enum class Role {
    peer,       // migration is blocked; the default
    master,     // the VM may migrate and the memory's content goes with it
    automatic,  // found on devices of others only, never set by us
};

/// "peer", "master" or "auto".
std::string_view role_name(Role role);

/// What a caller may ask for: "master" or "peer". "auto" leaves the choice to QEMU and is refused;
/// so is any other word (InvalidParameter).
Result<Role> parse_role(std::string_view word);

/// QEMU's spellings: the property `master` (on, off, auto) of the new models.
std::string_view master_property(Role role);
std::optional<Role> role_from_master_property(std::string_view value);

}  // namespace ivshmemd
