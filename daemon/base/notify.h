#pragma once

#include <string>

namespace ivshmemd {

/// Tells the service manager, if there is one, something it only shows: "STATUS=...". Dropped when
/// it does not take it at once: libsystemd's own call would block the whole daemon then.
void notify_status(const std::string& status);

/// Says that the daemon lives: "WATCHDOG=1". Dropped like a status.
void notify_watchdog();

/// Says that the program ends: "STOPPING=1". Dropped like a status: the end waits for nobody.
void notify_stopping();

/// Asks the service manager to keep a duplicate of this descriptor and to pass it to the next
/// daemon under this name. Where nobody keeps it, nothing happens.
void notify_store(const std::string& name, int fd);

/// It may let go of what it keeps under this name.
void notify_discard(const std::string& name);

}  // namespace ivshmemd
