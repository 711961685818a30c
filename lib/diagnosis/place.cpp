#include "lib/place.h"

#include <cerrno>

#include "lib/diagnosis/parts.h"

namespace ivshmemd {

void diagnose_place(const Place& place, const std::string& daemon_user,
                    std::vector<Finding>& findings) {
    if (place.error == 0) return;
    // A device that this process may not open can still be opened by QEMU, and is used as it is.
    const bool is_in_use = place.is_device && place.error == EPERM;
    Finding finding{FindingKind::place_unusable,
                    is_in_use ? FindingSeverity::warning : FindingSeverity::problem,
                    std::nullopt,
                    std::nullopt,
                    std::nullopt,
                    fault_of_place(place),
                    mend_place(place, daemon_user)};
    if (place.is_device) finding.region = place.name;
    findings.push_back(std::move(finding));
}

}  // namespace ivshmemd
