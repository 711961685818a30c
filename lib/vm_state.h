#pragma once

#include <string_view>

namespace ivshmemd {

/// How the daemon stands with a VM's monitor.
enum class VmState {
    connecting,    // no answer from the monitor yet
    connected,     // commands are answered
    busy,          // another client holds the monitor, or QEMU is stopped
    unresponsive,  // a command went unanswered past its deadline
    unreachable,   // nothing listens
};

/// The API's word.
constexpr std::string_view vm_state_name(VmState state) {
    switch (state) {
        case VmState::connecting:
            return "connecting";
        case VmState::connected:
            return "connected";
        case VmState::busy:
            return "busy";
        case VmState::unresponsive:
            return "unresponsive";
        case VmState::unreachable:
            return "unreachable";
    }
    return "";
}

}  // namespace ivshmemd
