#include "lib/bus.h"

namespace ivshmemd {
namespace {

using Handler = BusFacts::Handler;

constexpr int slots_per_bus = 32;

// From here on a port that no guest has switched on gives its device up at once.
constexpr Version ports_let_go{7, 2, 0};

constexpr int slow_pace = 3;

// Five seconds, and the guest's part of it.
constexpr std::chrono::milliseconds blinking{8000};

bool is_old_port(const Bus& bus, const Version& qemu) {
    return bus.unplug == Unplug::port && qemu < ports_let_go;
}

std::string reason_without_handler(const BusFacts& facts) {
    if (facts.kind == BusKind::port) return "its port was started with hotplug=off";
    if (facts.kind == BusKind::root)
        return "QEMU plugs nothing into this root bus while the VM runs";
    return "QEMU plugs nothing into this bus while the VM runs";
}

std::string refusal(const BusFacts& facts) {
    if (facts.kind == BusKind::bridge && facts.express) {
        return "behind a switch's upstream port are its downstream ports only";
    }
    const bool off = facts.handler == Handler::own && !facts.port_hotplug.value_or(true);
    const bool unselected = facts.handler == Handler::acpi && !facts.acpi_selector;
    if (facts.handler == Handler::none || off || unselected) return reason_without_handler(facts);
    return "";
}

Unplug unplug_of(const BusFacts& facts) {
    if (facts.handler == Handler::acpi) return Unplug::acpi;
    if (facts.kind != BusKind::port) return Unplug::at_once;
    return facts.power_controller.value_or(true) ? Unplug::port : Unplug::never;
}

}  // namespace

void judge_hotplug(const BusFacts& facts, Bus& bus) {
    bus.kind = facts.kind;
    bus.express = facts.express;
    bus.reason = refusal(facts);
    bus.hotpluggable = bus.reason.empty();
    bus.unplug = unplug_of(facts);
    // A standard hotplug controller has no slot 0.
    const bool shpc = facts.kind == BusKind::bridge && facts.handler == Handler::own;
    bus.first_slot = shpc ? 1 : 0;
}

std::vector<int> free_slots(const Bus& bus) {
    std::vector<int> free;
    if (!bus.hotpluggable) return free;
    if (bus.kind == BusKind::port) {
        // A device in any slot behind a port keeps the guest from seeing another.
        if (bus.occupied.empty()) free.push_back(0);
        return free;
    }
    for (int slot = bus.first_slot; slot < slots_per_bus; ++slot) {
        if (!bus.occupied.contains(slot)) free.push_back(slot);
    }
    return free;
}

std::vector<int> usable_slots(const Bus& bus) {
    return bus.reason.empty() ? free_slots(bus) : std::vector<int>();
}

std::string unusable_reason(const Bus& bus) {
    if (!bus.reason.empty()) return bus.reason;
    if (!free_slots(bus).empty()) return "";
    return bus.kind == BusKind::port ? "its port holds a device already"
                                     : "all of its slots hold devices";
}

std::string staying_reason(const Bus& bus) {
    if (!bus.hotpluggable) {
        return "bus " + bus.name +
               " takes no hotplug: it needs a restart without it, or behind a root port";
    }
    if (bus.unplug == Unplug::never) {
        return "its port " + bus.name +
               " was started with power_controller_present=off, so QEMU "
               "would never hear that the guest let it go: it needs a restart without it, or "
               "behind another port";
    }
    return "";
}

bool waits_for_guest(const Bus& bus, const Version& qemu, std::string_view run_state,
                     bool started) {
    if (is_old_port(bus, qemu)) return run_state != "running";
    return bus.unplug == Unplug::acpi && run_state == "prelaunch" && !started;
}

int unplug_pace(const Bus& bus, const Version& qemu) {
    return is_old_port(bus, qemu) ? slow_pace : 1;
}

std::chrono::milliseconds settling_time(const Bus& bus, const Version& qemu) {
    return is_old_port(bus, qemu) ? blinking : std::chrono::milliseconds(0);
}

std::string unplug_warning(const Bus& bus, const Version& qemu) {
    if (!is_old_port(bus, qemu)) return "";
    return "; QEMU " + to_string(qemu) +
           " asks once: a guest that was not ready for it, as while "
           "it boots, keeps the device until the VM ends";
}

}  // namespace ivshmemd
