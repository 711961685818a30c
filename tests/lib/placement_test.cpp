#include "tests/lib/placement_cases.h"

namespace ivshmemd {
namespace {

TEST(Placement, TakesTheHighestFreeSlotOfPci0ButTheLast) {
    expect_place(one_mib(), pc(), {"pci.0", 30});
    expect_place(one_mib(), {pci_bus({0, 1, 31, 30})}, {"pci.0", 29});
}

TEST(Placement, TakesTheOnlySlotLeft) {
    std::set<int> all_but_17;
    for (int slot = 0; slot < 32; ++slot) {
        if (slot != 17) all_but_17.insert(slot);
    }
    expect_place(one_mib(), {pci_bus(all_but_17)}, {"pci.0", 17});
}

TEST(Placement, TakesTheLastEmptyPort) {
    expect_place(one_mib(), q35(), {"rp2", 0});
}

TEST(Placement, PassesOverPortsThatAreNotHotpluggable) {
    std::vector<Bus> buses = q35();
    buses[3].hotpluggable = false;
    expect_place(one_mib(), buses, {"rp1", 0});
}

TEST(Placement, PrefersABusWithManySlotsToAPort) {
    expect_place(one_mib(), {pci_bus({0, 1}), port("rp0"), port("rp1")}, {"pci.0", 30});
    expect_place(one_mib(), {port("rp0"), pci_bus({0, 1})}, {"pci.0", 30});
}

TEST(Placement, UsesAPortWhenTheBusWithManySlotsIsFull) {
    std::set<int> all;
    for (int slot = 0; slot < 32; ++slot) all.insert(slot);
    expect_place(one_mib(), {pci_bus(all), port("rp0"), port("rp1")}, {"rp1", 0});
}

TEST(Placement, ObeysTheCallersBusAndSlot) {
    expect_place(on("pci.0", 5), pc(), {"pci.0", 5});
    expect_place(on("pci.0"), pc(), {"pci.0", 30});
    expect_place(on({}, 7), pc(), {"pci.0", 7});
    expect_place(on("rp1"), q35(), {"rp1", 0});
    expect_place(on("rp1", 0), q35(), {"rp1", 0});
    expect_place(on({}, 0), q35(), {"rp2", 0});
}

TEST(Placement, PutsTheCallersChoiceBeforeTheLastPlace) {
    PlacementRequest request = back_to({"pci.0", 9});
    request.slot = 5;
    expect_place(request, pc(), {"pci.0", 5});
}

TEST(Placement, FindsASlotFreeIfItIsOnAnyBus) {
    expect_place(on({}, 0), {pci_bus({0, 1}), port("rp0")}, {"rp0", 0});
}

TEST(Placement, NeverUsesASlotBehindAPortOtherThanZero) {
    expect_refused(on("rp1", 1), q35(), ErrorKind::no_free_slot);
    expect_refused(on({}, 5), q35(), ErrorKind::no_free_slot);
}

TEST(Placement, GivesANameItsLastPlaceAgain) {
    expect_place(back_to({"pci.0", 9}), pc(), {"pci.0", 9});
    expect_place(back_to({"rp1", 0}), q35(), {"rp1", 0});
}

TEST(Placement, GivesAnotherPlaceWhenTheLastIsTakenOrGone) {
    expect_place(back_to({"pci.0", 2}), pc(), {"pci.0", 30});
    expect_place(back_to({"rp0", 0}), q35(), {"rp2", 0});
    expect_place(back_to({"rp9", 0}), q35(), {"rp2", 0});
}

TEST(Placement, LetsAVacatedSlotRest) {
    expect_place(one_mib(), pc(), {"pci.0", 29}, {{{"pci.0", 30}, milliseconds{0}}});
    expect_place(one_mib(), pc(), {"pci.0", 29}, {{{"pci.0", 30}, milliseconds{1999}}});
    expect_place(one_mib(), pc(), {"pci.0", 30}, {{{"pci.0", 30}, milliseconds{2000}}});
    expect_place(one_mib(), q35(), {"rp1", 0}, {{{"rp2", 0}, milliseconds{10}}});
}

TEST(Placement, GivesTheLastPlaceBackOnlyRested) {
    expect_place(back_to({"pci.0", 9}), pc(), {"pci.0", 30}, {{{"pci.0", 9}, milliseconds{1999}}});
    expect_place(back_to({"pci.0", 9}), pc(), {"pci.0", 9}, {{{"pci.0", 9}, milliseconds{2000}}});
}

TEST(Placement, DoesNotMindTheSameSlotOfAnotherBus) {
    expect_place(one_mib(), q35(), {"rp2", 0}, {{{"rp1", 0}, milliseconds{0}}});
}

TEST(Placement, WaitsForTheFirstSlotToBeRested) {
    expect_wait(one_mib(), q35(),
                {{{"rp1", 0}, milliseconds{1500}}, {{"rp2", 0}, milliseconds{300}}},
                milliseconds{500});
    expect_wait(on("rp2"), q35(),
                {{{"rp1", 0}, milliseconds{1500}}, {{"rp2", 0}, milliseconds{300}}},
                milliseconds{1700});
    expect_wait(on("pci.0", 5), pc(), {{{"pci.0", 5}, milliseconds{0}}}, slot_rest);
}

TEST(Placement, CountsTheLatestOfSeveralDepartures) {
    expect_wait(on("rp2"), q35(),
                {{{"rp2", 0}, milliseconds{1900}}, {{"rp2", 0}, milliseconds{200}}},
                milliseconds{1800});
}

TEST(Placement, FitsTheRegionIntoThePortsWindow) {
    PlacementRequest request = one_mib();
    request.size = 2 * mib;
    expect_place(request, q35(), {"rp2", 0});
    request.size = 64 * mib;
    expect_place(request, {port("big", false, 64 * mib), port("rp1")}, {"big", 0});
}

TEST(Placement, KeepsTheLastSlotForTheVeryEnd) {
    std::set<int> all_but_two;
    for (int slot = 0; slot < 30; ++slot) all_but_two.insert(slot);
    const std::vector<Bus> nearly_full{pci_bus(all_but_two)};
    expect_place(one_mib(), nearly_full, {"pci.0", 30});
    expect_wait(one_mib(), nearly_full, {{{"pci.0", 30}, milliseconds{500}}}, milliseconds{1500});
    all_but_two.insert(30);
    expect_place(one_mib(), {pci_bus(all_but_two)}, {"pci.0", 31});
    expect_place(one_mib(), {pci_bus(all_but_two), port("rp0")}, {"rp0", 0});
    expect_place(on("pci.0", 31), pc(), {"pci.0", 31});
}

Bus bridge(std::string name, int first_slot = 0) {
    Bus bus = pci_bus({});
    bus.name = bus.address = std::move(name);
    bus.device = "pci-bridge";
    bus.kind = BusKind::bridge;
    bus.first_slot = first_slot;
    bus.room = 2 * mib;
    return bus;
}

TEST(Placement, PrefersRootsToBridgesAndBothToPorts) {
    expect_place(one_mib(), {pci_bus({0}), bridge("br"), port("rp0")}, {"pci.0", 30});
    expect_place(one_mib(), {root_of_q35(), port("rp0"), bridge("br")}, {"br", 30});
    // Its own controller, which few guests drive
    expect_place(one_mib(), {root_of_q35(), bridge("br", 1), port("rp0")}, {"rp0", 0});
    expect_place(one_mib(), {root_of_q35(), bridge("br", 1)}, {"br", 30});
}

TEST(Placement, PutsNothingWhereItCouldNotLeaveUnlessThereIsNothingElse) {
    std::vector<Bus> buses = q35();
    buses[3].unplug = Unplug::never;
    expect_place(one_mib(), buses, {"rp1", 0});
    buses[2].unplug = Unplug::never;
    expect_place(one_mib(), buses, {"rp2", 0});
}

TEST(Placement, FitsTheRegionIntoWhatARootHasRoomFor) {
    std::vector<Bus> buses = pc();
    buses[0].room = 1024 * mib;
    PlacementRequest request = one_mib();
    request.size = 4096 * mib;
    const std::string message = expect_refused(request, buses, ErrorKind::no_free_slot);
    EXPECT_THAT(message, HasSubstr("-global i440FX-pcihost.pci-hole64-size=16G"));
    request.size = 1024 * mib;
    expect_place(request, buses, {"pci.0", 30});
}

TEST(Placement, HasNoWindowToFitOnABusWithManySlots) {
    PlacementRequest request = one_mib();
    request.size = 4096 * mib;
    expect_place(request, pc(), {"pci.0", 30});
}

}  // namespace
}  // namespace ivshmemd
