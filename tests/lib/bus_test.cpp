#include "lib/bus.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace ivshmemd {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Handler = BusFacts::Handler;
using enum BusKind;

Bus slots_bus(std::set<int> occupied) {
    Bus bus;
    bus.name = "pci.0";
    bus.hotpluggable = true;
    bus.occupied = std::move(occupied);
    return bus;
}

Bus port_bus(std::set<int> occupied) {
    Bus bus = slots_bus(std::move(occupied));
    bus.name = "rp0";
    bus.kind = BusKind::port;
    return bus;
}

TEST(FreeSlots, AreTheUnoccupiedOnesInAscendingOrder) {
    const std::vector<int> free = free_slots(slots_bus({0, 1, 2, 31}));
    ASSERT_EQ(free.size(), 28U);
    EXPECT_EQ(free.front(), 3);
    EXPECT_EQ(free.back(), 30);
    EXPECT_TRUE(std::is_sorted(free.begin(), free.end()));
}

TEST(FreeSlots, AreNoneOnAFullBus) {
    std::set<int> all;
    for (int slot = 0; slot < 32; ++slot) all.insert(slot);
    EXPECT_THAT(free_slots(slots_bus(all)), IsEmpty());
}

TEST(FreeSlots, AreNoneWhereNothingCanBePlugged) {
    Bus root = slots_bus({0});
    root.hotpluggable = false;
    Bus port = port_bus({});
    port.hotpluggable = false;
    EXPECT_THAT(free_slots(root), IsEmpty());
    EXPECT_THAT(free_slots(port), IsEmpty());
}

TEST(FreeSlots, OfAPortAreSlotZeroUntilAnythingIsBehindIt) {
    EXPECT_THAT(free_slots(port_bus({})), ElementsAre(0));
    EXPECT_THAT(free_slots(port_bus({0})), IsEmpty());
    EXPECT_THAT(free_slots(port_bus({1})), IsEmpty());  // an invisible neighbour
}

TEST(UsableSlots, AreNoneWhereThereIsAReason) {
    Bus bus = slots_bus({0});
    EXPECT_EQ(usable_slots(bus).size(), 31U);
    EXPECT_EQ(unusable_reason(bus), "");
    bus.reason = "nobody can name it";
    EXPECT_THAT(usable_slots(bus), IsEmpty());
    EXPECT_EQ(unusable_reason(bus), "nobody can name it");
    EXPECT_THAT(unusable_reason(port_bus({0})), HasSubstr("holds a device"));
}

struct Judged {
    const char* name;
    BusFacts facts;
    bool hotpluggable;
    Unplug unplug;
    int first_slot = 0;
};

class JudgeHotplug : public testing::TestWithParam<Judged> {};

TEST_P(JudgeHotplug, SaysWhatQemuDoes) {
    const Judged& row = GetParam();
    Bus bus;
    judge_hotplug(row.facts, bus);
    EXPECT_EQ(bus.hotpluggable, row.hotpluggable);
    EXPECT_EQ(bus.reason.empty(), row.hotpluggable);
    EXPECT_EQ(bus.kind, row.facts.kind);
    EXPECT_TRUE(!row.hotpluggable || bus.unplug == row.unplug);
    EXPECT_EQ(bus.first_slot, row.first_slot);
}

INSTANTIATE_TEST_SUITE_P(
    Table, JudgeHotplug,
    testing::Values(
        Judged{"Q35RootTo7", {root, true, Handler::none, false, {}, {}}, false, Unplug::acpi},
        Judged{"Q35RootFrom8", {root, true, Handler::acpi, false, {}, {}}, false, Unplug::acpi},
        Judged{"PcRoot", {root, false, Handler::acpi, true, {}, {}}, true, Unplug::acpi},
        Judged{"PcRootOff", {root, false, Handler::acpi, false, {}, {}}, false, Unplug::acpi},
        Judged{"PseriesRoot", {root, false, Handler::own, false, {}, {}}, true, Unplug::at_once},
        Judged{"BoardRoot", {root, false, Handler::other, false, {}, {}}, true, Unplug::at_once},
        Judged{"AcpiPort", {port, true, Handler::acpi, true, {}, {}}, true, Unplug::acpi},
        Judged{"AcpiPortOff", {port, true, Handler::acpi, false, {}, {}}, false, Unplug::acpi},
        Judged{"NativePort", {port, true, Handler::own, false, true, {}}, true, Unplug::port},
        // 5.2 offers a handler for one that refuses.
        Judged{"NativePortOff", {port, true, Handler::own, false, false, {}}, false, Unplug::port},
        Judged{"OldPort", {port, true, Handler::own, false, {}, {}}, true, Unplug::port},
        // Behind pxb-pcie; the selector says nothing there.
        Judged{"PortWithSelector", {port, true, Handler::own, true, true, {}}, true, Unplug::port},
        Judged{"NoPower", {port, true, Handler::own, false, true, false}, true, Unplug::never},
        Judged{"AcpiBridge", {bridge, false, Handler::acpi, true, {}, {}}, true, Unplug::acpi},
        Judged{
            "ShpcBridge", {bridge, false, Handler::own, false, {}, {}}, true, Unplug::at_once, 1},
        Judged{"DeafBridge", {bridge, false, Handler::none, false, {}, {}}, false, Unplug::at_once},
        // x3130-upstream has a selector on some, and room for its downstream ports only.
        Judged{"Upstream", {bridge, true, Handler::acpi, true, {}, {}}, false, Unplug::acpi}),
    [](const testing::TestParamInfo<Judged>& row) { return row.param.name; });

TEST(StayingReason, IsGivenWhereNothingLeaves) {
    Bus root_bus = slots_bus({});
    EXPECT_EQ(staying_reason(root_bus), "");
    root_bus.hotpluggable = false;
    EXPECT_THAT(staying_reason(root_bus),
                HasSubstr("needs a restart without it, or behind a root port"));
    Bus port = port_bus({});
    port.unplug = Unplug::never;
    EXPECT_THAT(staying_reason(port), HasSubstr("power_controller_present=off"));
}

TEST(WaitsForGuest, WhereQemuWouldLoseTheRequest) {
    constexpr Version old{5, 2, 0};
    constexpr Version late{7, 2, 0};
    Bus bus = slots_bus({});
    bus.unplug = Unplug::acpi;
    EXPECT_TRUE(waits_for_guest(bus, late, "prelaunch", false));
    EXPECT_FALSE(waits_for_guest(bus, late, "prelaunch", true));  // a paused VM that was reset
    EXPECT_FALSE(waits_for_guest(bus, late, "running", true));
    bus.unplug = Unplug::port;
    EXPECT_TRUE(waits_for_guest(bus, old, "prelaunch", false));
    EXPECT_TRUE(waits_for_guest(bus, old, "paused", true));
    EXPECT_FALSE(waits_for_guest(bus, old, "running", true));
    EXPECT_FALSE(waits_for_guest(bus, late, "prelaunch", false));
    EXPECT_FALSE(waits_for_guest(bus, late, "paused", true));
    bus.unplug = Unplug::at_once;
    EXPECT_FALSE(waits_for_guest(bus, old, "prelaunch", false));
}

TEST(UnplugPace, GivesAnOldPortTheTimeItNeeds) {
    Bus bus = slots_bus({});
    bus.unplug = Unplug::port;
    EXPECT_GT(settling_time(bus, {5, 2, 0}), std::chrono::seconds(6));
    EXPECT_EQ(settling_time(bus, {7, 2, 0}).count(), 0);
    EXPECT_THAT(unplug_warning(bus, {5, 2, 0}), HasSubstr("asks once"));
    EXPECT_EQ(unplug_warning(bus, {7, 2, 0}), "");
    EXPECT_EQ(unplug_pace(bus, {5, 2, 0}), 3);
    EXPECT_EQ(unplug_pace(bus, {7, 2, 0}), 1);
    bus.unplug = Unplug::acpi;
    EXPECT_EQ(unplug_pace(bus, {5, 2, 0}), 1);
}

}  // namespace
}  // namespace ivshmemd
