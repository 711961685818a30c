#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lib/bus.h"
#include "proto/qmp/qom_memo.h"

// The PCI buses of a machine, found in QOM wherever they are. No machine's or device's name is
// known here: what a bus is follows from its type, from the properties of the device that owns it
// and from its hotplug handler.

namespace ivshmemd::qmp {

inline constexpr std::string_view peripheral = "/machine/peripheral";
inline constexpr std::string_view peripheral_anon = "/machine/peripheral-anon";

/// A bus and the device it belongs to: a host bridge, a port, a bridge.
struct FoundBus {
    std::string path;   // in QOM
    std::string name;   // the last part of it, which device_add finds it by
    std::string type;   // "PCI", "PCIE", ...
    std::string owner;  // QOM path
    std::string owner_type;
};

/// All of them, as far as the memo knows. Objects of a type are looked at one first, and the
/// others only where that had a bus: a guest's five hundred disks cost one question. And where the
/// first had a bus of its own id, the others are asked for theirs at once.
std::vector<FoundBus> find_pci_buses(QomMemo& memo);

/// Asks for what any search begins with, to have it early.
void begin_search(QomMemo& memo);

/// What the device that owns the bus lists.
const QomMemo::Listing& owner_listing(QomMemo& memo, const FoundBus& bus);

/// Whether the device that owns the bus sits on another PCI bus itself.
bool is_behind_device(QomMemo& memo, const FoundBus& bus);

/// The bus that this device sits on; null when that is not among the found.
const FoundBus* parent_of(QomMemo& memo, const std::vector<FoundBus>& found, const FoundBus& bus);

/// Bridges nest no deeper than PCI has buses.
inline constexpr int deepest_nesting = 256;

BusFacts read_bus_facts(QomMemo& memo, const FoundBus& bus);

/// The slots that hold a device. Ports have one device, wherever it says it is: {0}.
std::set<int> read_occupied(QomMemo& memo, const FoundBus& bus, BusKind kind);

/// The QEMU id of a device at this path; empty for one that has none.
std::string id_of(std::string_view path);

}  // namespace ivshmemd::qmp
