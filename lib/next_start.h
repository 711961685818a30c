#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lib/bus.h"

namespace ivshmemd {

/// The arguments that start the VM with more slots, each on its own, for regions of this many
/// bytes; 0: any that usually fits. A port where the root bus is PCI Express, a bridge where one
/// has room for it. None without a PCI bus.
std::vector<std::string> arguments_for_more_slots(const std::vector<Bus>& buses,
                                                  std::uint64_t region_size);

/// The arguments of the next start that give this bus room for such a region; empty where nothing
/// does.
std::string arguments_for_room(const Bus& bus, std::uint64_t region_size);

/// What is to be said beside these arguments; empty where nothing is. A window that large has
/// firmware move those of all ports, on QEMU 10 and 11 to where a guest with little memory has no
/// use of them (measured with 192 MiB).
std::string caution_about_room(std::uint64_t region_size);

/// What to say of a machine without a PCI bus.
inline constexpr const char* no_pci_bus = "the machine has no PCI bus";
inline constexpr const char* use_pci_machine =
    "start the VM with a machine type that has one, such as q35";

}  // namespace ivshmemd
