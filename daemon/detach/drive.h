#pragma once

#include <memory>
#include <string>

#include "daemon/base/async.h"

namespace ivshmemd {

class Vm;

/// Does what departures (daemon/vm/departures.h) want done, for as long as this connection lasts:
/// repeats requests, and looks after devices whose event does not come.
awaitable<void> drive_departures(std::shared_ptr<Vm> vm);

/// How it was learnt that a device is gone.
enum class Learnt {
    by_event,
    by_reading,  // the event did not come
};

/// A device is said to be gone. Clears away what it leaves if QOM says so too: what was told may
/// have been an earlier device of the same path.
awaitable<void> finish_if_gone(std::shared_ptr<Vm> vm, std::string path, Learnt learnt);

}  // namespace ivshmemd
