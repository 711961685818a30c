#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "lib/inventory.h"
#include "lib/result.h"

namespace ivshmemd {

/// How long a slot rests after its device left. A guest that was notified twice ejects per slot,
/// not per device, and would throw the newcomer out.
inline constexpr std::chrono::milliseconds slot_rest{2000};

struct Placement {
    std::string bus;
    int slot = 0;

    bool operator==(const Placement&) const = default;
};

/// Every slot that would do is resting; the first is ready after this long.
struct WaitForSlot {
    std::chrono::milliseconds wait{0};

    bool operator==(const WaitForSlot&) const = default;
};

/// A slot that lost its device, and how long ago.
struct VacatedSlot {
    Placement place;
    std::chrono::milliseconds age{0};
};

struct PlacementRequest {
    std::optional<std::string> bus;  // the caller's choice
    std::optional<int> slot;         // the caller's choice
    std::optional<Placement> last;   // where a device of this name was before
    std::uint64_t size = 0;          // bytes that must fit the bus's window
};

/// Chooses a slot. On a bus with many slots the highest free one, since other managers fill from
/// the lowest, but 31 only when nothing else is free: on QEMU 10 and 11 nobody can plug a device
/// without naming a slot while it is taken. Roots come before bridges, both before ports, of which
/// the last empty one is taken; then bridges with a controller of their own, and last ports that
/// give nothing back. InvalidParameter (unknown bus), SlotInUse, NoFreeSlot.
Result<std::variant<Placement, WaitForSlot>> place(const PlacementRequest& request,
                                                   const std::vector<Bus>& buses,
                                                   const std::vector<VacatedSlot>& vacated);

}  // namespace ivshmemd
