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
/// the lowest; else the last empty root port. InvalidParameter (unknown bus), SlotInUse,
/// NoFreeSlot.
Result<std::variant<Placement, WaitForSlot>> place(const PlacementRequest& request,
                                                   const std::vector<Bus>& buses,
                                                   const std::vector<VacatedSlot>& vacated);

/// The argument that starts the VM with one more port, which takes regions up to this size:
/// "-device pcie-root-port,id=shm1,...". With 0 the port has its usual room. Nothing where the
/// devices sit on a conventional bus, whose slots cannot be added to.
std::optional<std::string> port_argument(const std::vector<Bus>& buses, std::uint64_t region_size);

}  // namespace ivshmemd
