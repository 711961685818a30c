#pragma once

#include <string_view>

namespace ivshmemd {

/// Whether a VM in this run state is on its way from one QEMU to another: it waits here for its
/// state, is about to leave, or has left. Its devices must stay as they are then.
constexpr bool is_between_hosts(std::string_view run_state) {
    return run_state == "inmigrate" || run_state == "finish-migrate" || run_state == "postmigrate";
}

}  // namespace ivshmemd
