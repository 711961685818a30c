#pragma once

#include <string>

namespace ivshmemd {

/// Tells the service manager, if there is one, something it only shows: "STATUS=...". Dropped when
/// it does not take it at once: libsystemd's own call would block the whole daemon then.
void notify_status(const std::string& status);

}  // namespace ivshmemd
