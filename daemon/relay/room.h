#pragma once

#include <cstddef>
#include <functional>

#include "daemon/base/async.h"

namespace ivshmemd {

/// Whether a QEMU can be given descriptors. One that has none left takes an announcement whose
/// descriptor it could not receive for a departure, and does not survive that.
enum class Room {
    enough,
    none,
    unknown,  // it cannot be asked now
};

/// Asks a QEMU whether it has so many free, and some more for its own work.
using AskRoom = std::function<awaitable<Room>(std::size_t count)>;

}  // namespace ivshmemd
