#pragma once

#include <string>
#include <string_view>

#include "daemon/events/events.h"

namespace ivshmemd {

/// MESSAGE_ID of the journal's entries for this kind: 32 hexadecimal digits, the same for ever, for
/// `journalctl MESSAGE_ID=`. Empty for what is never logged.
std::string_view message_id(EventKind kind);

/// The line that tells of it, e.g. "web: attached shm0: ivshmem-plain".
std::string describe(const Event& event);

/// Whether the line is a warning.
bool is_warning(const Event& event);

/// Logs it, in the journal with the fields MESSAGE_ID, VM, DEVICE and REGION.
void log_event(const Event& event);

}  // namespace ivshmemd
