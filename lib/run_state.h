#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "lib/result.h"
#include "lib/role.h"

namespace ivshmemd {

/// Whether a VM in this run state is on its way from one QEMU to another: it waits here for its
/// state, is about to leave, or has left. Its devices must stay as they are then.
constexpr bool is_between_hosts(std::string_view run_state) {
    return run_state == "inmigrate" || run_state == "finish-migrate" || run_state == "postmigrate";
}

/// The run state of a QEMU that waits with -preconfig before it makes its machine. From 6.0 on it
/// calls that "prelaunch" as well.
inline constexpr std::string_view preconfig = "preconfig";
/// What ends it.
inline constexpr const char* end_preconfig =
    "whoever started it ends that with the command x-exit-preconfig, over another monitor of it";

/// What a VM can be asked for.
enum class Operation {
    attach,
    detach,
    migrate,
    replug,  // of what a migration took out: attaching, once more
};

/// What a run state has against an operation, as the rest of a sentence about the VM: "is in run
/// state postmigrate, which takes no device". Nothing when it may begin; run states that are not
/// known have nothing against anything. `role` is that of the device, where there is one.
std::optional<std::string> objection(Operation operation, std::string_view run_state, Role role);

/// VmUnavailable when the run state has something against it.
Result<void> allowed(Operation operation, const std::string& vm, std::string_view run_state,
                     Role role);

}  // namespace ivshmemd
