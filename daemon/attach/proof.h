#pragma once

#include <memory>
#include <string>

#include "daemon/attach/decision.h"
#include "daemon/base/async.h"
#include "lib/plan.h"

namespace ivshmemd {

class Vm;

/// What is known of the memory that a new backend maps.
struct Proof {
    Mapping memory;       // of ours, or what is believed to be
    std::string problem;  // why it is not our file; empty when nothing says so
};

/// Finds out whether QEMU, asked for our file, has mapped that and no other: a QEMU in a container
/// makes a file of its own by that name, and shares it with nobody. To be asked between object-add
/// and device_add.
///
/// /proc tells, where it is open to us. Elsewhere the kernel is asked for a lease on our file: if
/// it grants one, nobody has it open, and so QEMU has another. If it does not, others may have it
/// open; then QEMU is tried with a file that nobody else can know (probe_directory). No lease is
/// asked for while another VM attaches the same file. What cannot be proved so is not claimed.
awaitable<Proof> prove_memory(std::shared_ptr<Vm> vm, const Decision& decision, const Parts& parts);

/// RegionUnavailable for a proof with that problem.
Error other_memory_error(const std::string& vm, const std::string& path,
                         const std::string& problem);

}  // namespace ivshmemd
