#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ostream>

#include "lib/placement.h"

// Machines to place a device in, and what is expected of that.
namespace ivshmemd {

inline void PrintTo(const Placement& place, std::ostream* out) {
    *out << place.bus << "/" << place.slot;
}

inline void PrintTo(const WaitForSlot& wait, std::ostream* out) {
    *out << "wait " << wait.wait.count() << " ms";
}

using std::chrono::milliseconds;
using testing::HasSubstr;
using Choice = std::variant<Placement, WaitForSlot>;

constexpr std::uint64_t mib = std::uint64_t{1} << 20;

inline Bus pci_bus(std::set<int> occupied) {
    Bus bus;
    bus.name = bus.address = "pci.0";
    bus.device = "i440FX-pcihost";
    bus.unplug = Unplug::acpi;
    bus.hotpluggable = true;
    bus.occupied = std::move(occupied);
    return bus;
}

inline Bus port(std::string name, bool taken = false, std::uint64_t room = 2 * mib) {
    Bus bus;
    bus.name = bus.address = std::move(name);
    bus.device = "pcie-root-port";
    bus.kind = BusKind::port;
    bus.express = bus.reserves = true;
    bus.unplug = Unplug::acpi;
    bus.hotpluggable = true;
    bus.room = room;
    if (taken) bus.occupied.insert(0);
    return bus;
}

inline Bus root_of_q35() {
    Bus bus;
    bus.name = bus.address = "pcie.0";
    bus.express = true;
    bus.reason = "QEMU plugs nothing into it";
    bus.occupied = {0, 1, 2, 31};
    return bus;
}

inline std::vector<Bus> pc() {
    return {pci_bus({0, 1, 2})};
}

inline std::vector<Bus> q35() {
    return {root_of_q35(), port("rp0", true), port("rp1"), port("rp2"), port("rp3", true)};
}

inline PlacementRequest one_mib() {
    PlacementRequest request;
    request.size = mib;
    return request;
}

inline PlacementRequest on(std::optional<std::string> bus, std::optional<int> slot = {}) {
    PlacementRequest request = one_mib();
    request.bus = std::move(bus);
    request.slot = slot;
    return request;
}

inline PlacementRequest back_to(Placement last) {
    PlacementRequest request = one_mib();
    request.last = std::move(last);
    return request;
}

inline void expect_place(const PlacementRequest& request, const std::vector<Bus>& buses,
                         const Placement& expected, const std::vector<VacatedSlot>& vacated = {}) {
    const Result<Choice> choice = place(request, buses, vacated);
    ASSERT_TRUE(choice) << choice.error().message;
    EXPECT_EQ(*choice, Choice(expected));
}

inline void expect_wait(const PlacementRequest& request, const std::vector<Bus>& buses,
                        const std::vector<VacatedSlot>& vacated, milliseconds expected) {
    const Result<Choice> choice = place(request, buses, vacated);
    ASSERT_TRUE(choice) << choice.error().message;
    EXPECT_EQ(*choice, Choice(WaitForSlot{expected}));
}

inline std::string expect_refused(const PlacementRequest& request, const std::vector<Bus>& buses,
                                  ErrorKind kind) {
    const Result<Choice> choice = place(request, buses, {});
    EXPECT_FALSE(choice);
    if (choice) return "";
    EXPECT_EQ(kind_name(choice.error().kind), kind_name(kind));
    return choice.error().message;
}

}  // namespace ivshmemd
