#pragma once

#include <optional>
#include <string>

#include "daemon/attach/decision.h"
#include "daemon/qmp/answer.h"
#include "lib/diagnosis/confinement.h"
#include "lib/plan.h"

namespace ivshmemd {

class Vm;

/// What confines a process, from its directory in /proc. A kernel without AppArmor and SELinux says
/// so; where the directory is not seen, nothing is known.
Confinement confinement_of(const std::string& process);

/// Whom a process opens files as, from its directory in /proc.
std::optional<uid_t> file_user_of(const std::string& process);

/// What to do when QEMU refused this command because it may not open the region's file; empty when
/// it was refused for another reason.
std::string advice_of(const Vm& vm, const Decision& decision, const Command& command,
                      const qmp::ErrorReply& reply);

}  // namespace ivshmemd
