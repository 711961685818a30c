#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "lib/version.h"

namespace ivshmemd {

enum class BusKind {
    root,    // of a host bridge
    port,    // behind a PCI Express port: one device, in slot 0
    bridge,  // any other that belongs to a PCI device
};

/// How a device leaves a bus that it was plugged into.
enum class Unplug {
    acpi,     // the guest is asked, and only one that runs hears it
    port,     // the guest is asked; while it has not switched the port on, the device goes at once
    at_once,  // nobody is asked where no guest drives the bus
    never,    // the guest lets go, and QEMU is never told
};

/// What QOM shows of a bus, as far as hotplug goes.
struct BusFacts {
    /// Who the bus's `hotplug-handler` is.
    enum class Handler {
        none,
        own,    // the device that the bus belongs to
        acpi,   // one that notifies guests through ACPI
        other,  // a board's
    };

    BusKind kind = BusKind::root;
    bool express = false;  // PCI Express, not conventional PCI
    Handler handler = Handler::none;
    bool acpi_selector = false;            // it has `acpi-pcihp-bsel`
    std::optional<bool> port_hotplug;      // the port's `hotplug`; older QEMUs have none
    std::optional<bool> power_controller;  // the port's `power_controller_present`
};

/// A PCI bus.
struct Bus {
    std::string name;       // "pci.0", or the id of a port; the QOM path where two share their name
    std::string path;       // QOM path
    std::string address;    // what device_add calls it; empty where it cannot be told from another
    std::string device;     // type of the device it belongs to
    bool reserves = false;  // that device can have room reserved behind it
    BusKind kind = BusKind::root;
    bool express = false;       // PCI Express, not conventional PCI
    bool hotpluggable = false;  // QEMU takes devices
    Unplug unplug = Unplug::at_once;
    int first_slot = 0;
    std::set<int> occupied;  // slots that hold a device
    std::optional<std::uint64_t>
        room;            // bytes: the largest region its window takes; none: no limit
    std::string reason;  // why it takes no device, or cannot be named; else empty
};

/// Whether QEMU takes devices on the bus, how they leave it, or why not. The rule that holds for
/// QEMU 3.1 to 11.1: the handler alone says nothing, since from 8 on q35's root has one too.
///  - none: not hotpluggable.
///  - ACPI's: exactly if it has given the bus a selector.
///  - the port's own: as the port's `hotplug` says.
///  - any other: hotpluggable.
/// The bus behind a switch's upstream port takes nothing but downstream ports.
void judge_hotplug(const BusFacts& facts, Bus& bus);

/// The slots QEMU takes a device in, lowest first.
std::vector<int> free_slots(const Bus& bus);

/// The slots a device can be attached to, lowest first.
std::vector<int> usable_slots(const Bus& bus);

/// Why there is none; empty where there is one.
std::string unusable_reason(const Bus& bus);

/// Why a device on this bus stays for as long as the VM runs, and what to do; empty when it can be
/// taken out.
std::string staying_reason(const Bus& bus);

/// Whether a removal has to wait until the guest runs, because QEMU would lose the request for
/// good. `started`: the VM was seen in another run state than before its first start.
///  - ACPI: before the first start.
///  - A port's own hotplug: up to 5.2 whenever the VM does not run, since the guest's clock counts
///    (settling_time); 7.2 lets the device go at once. What is between was not tried, and waits.
bool waits_for_guest(const Bus& bus, const Version& qemu, std::string_view run_state, bool started);

/// How many times longer than elsewhere to wait before a removal is asked for again. On 3.1 every
/// request presses a port's button: one within the five seconds in which its light blinks takes the
/// first one back, and power goes a while after those. 5.2 refuses a second one.
int unplug_pace(const Bus& bus, const Version& qemu);

/// How long a device has to be there before its removal is asked for. Up to 5.2 a guest takes a
/// port's button for a withdrawal while the light blinks after the device came, and QEMU never
/// presses it again for that device.
std::chrono::milliseconds settling_time(const Bus& bus, const Version& qemu);

/// What else is to be said to who waits for a removal; empty where there is nothing.
std::string unplug_warning(const Bus& bus, const Version& qemu);

}  // namespace ivshmemd
