#pragma once

#include <string>

namespace ivshmemd {

/// Whether a UUID tells one VM from another: QEMU shows zeros for none.
inline bool is_real_uuid(const std::string& uuid) {
    return uuid.find_first_not_of("0-") != std::string::npos;
}

/// Whether these are certainly two VMs, and not the two ends of a migration of one.
inline bool are_other_vms(const std::string& uuid, const std::string& other) {
    return uuid != other && is_real_uuid(uuid) && is_real_uuid(other);
}

}  // namespace ivshmemd
