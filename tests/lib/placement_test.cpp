#include "lib/placement.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ostream>

namespace ivshmemd {

static void PrintTo(const Placement& place, std::ostream* out) {
    *out << place.bus << "/" << place.slot;
}

static void PrintTo(const WaitForSlot& wait, std::ostream* out) {
    *out << "wait " << wait.wait.count() << " ms";
}

namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;
using Choice = std::variant<Placement, WaitForSlot>;

constexpr std::uint64_t mib = std::uint64_t{1} << 20;

Bus pci_bus(std::set<int> occupied) {
    Bus bus;
    bus.name = bus.address = "pci.0";
    bus.device = "i440FX-pcihost";
    bus.unplug = Unplug::acpi;
    bus.hotpluggable = true;
    bus.occupied = std::move(occupied);
    return bus;
}

Bus port(std::string name, bool taken = false, std::uint64_t room = 2 * mib) {
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

Bus root_of_q35() {
    Bus bus;
    bus.name = bus.address = "pcie.0";
    bus.express = true;
    bus.reason = "QEMU plugs nothing into it";
    bus.occupied = {0, 1, 2, 31};
    return bus;
}

std::vector<Bus> pc() {
    return {pci_bus({0, 1, 2})};
}

std::vector<Bus> q35() {
    return {root_of_q35(), port("rp0", true), port("rp1"), port("rp2"), port("rp3", true)};
}

PlacementRequest one_mib() {
    PlacementRequest request;
    request.size = mib;
    return request;
}

PlacementRequest on(std::optional<std::string> bus, std::optional<int> slot = {}) {
    PlacementRequest request = one_mib();
    request.bus = std::move(bus);
    request.slot = slot;
    return request;
}

PlacementRequest back_to(Placement last) {
    PlacementRequest request = one_mib();
    request.last = std::move(last);
    return request;
}

void expect_place(const PlacementRequest& request, const std::vector<Bus>& buses,
                  const Placement& expected, const std::vector<VacatedSlot>& vacated = {}) {
    const Result<Choice> choice = place(request, buses, vacated);
    ASSERT_TRUE(choice) << choice.error().message;
    EXPECT_EQ(*choice, Choice(expected));
}

void expect_wait(const PlacementRequest& request, const std::vector<Bus>& buses,
                 const std::vector<VacatedSlot>& vacated, milliseconds expected) {
    const Result<Choice> choice = place(request, buses, vacated);
    ASSERT_TRUE(choice) << choice.error().message;
    EXPECT_EQ(*choice, Choice(WaitForSlot{expected}));
}

std::string expect_refused(const PlacementRequest& request, const std::vector<Bus>& buses,
                           ErrorKind kind) {
    const Result<Choice> choice = place(request, buses, {});
    EXPECT_FALSE(choice);
    if (choice) return "";
    EXPECT_EQ(kind_name(choice.error().kind), kind_name(kind));
    return choice.error().message;
}

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

TEST(Placement, RefusesABusTheVmDoesNotHave) {
    const Result<Choice> choice = place(on("nobus", 3), q35(), {});
    ASSERT_FALSE(choice);
    EXPECT_EQ(choice.error().kind, ErrorKind::invalid_parameter);
    ASSERT_EQ(choice.error().details.size(), 1U);
    EXPECT_EQ(choice.error().details[0], ErrorDetail("parameter", std::string("bus")));
    EXPECT_THAT(choice.error().message, HasSubstr("nobus"));
}

TEST(Placement, RefusesASlotThatIsTaken) {
    expect_refused(on("pci.0", 1), pc(), ErrorKind::slot_in_use);
    expect_refused(on({}, 2), pc(), ErrorKind::slot_in_use);
    expect_refused(on("rp0", 0), q35(), ErrorKind::slot_in_use);
}

TEST(Placement, FindsASlotFreeIfItIsOnAnyBus) {
    expect_place(on({}, 0), {pci_bus({0, 1}), port("rp0")}, {"rp0", 0});
}

TEST(Placement, SaysWhatToAddToTheCommandLineWhenNothingIsFree) {
    const std::string message =
        expect_refused(one_mib(), {root_of_q35(), port("rp0", true)}, ErrorKind::no_free_slot);
    EXPECT_THAT(message, HasSubstr("-device pcie-root-port,id="));
    EXPECT_THAT(message, HasSubstr("chassis="));
    expect_refused(one_mib(), {}, ErrorKind::no_free_slot);
}

TEST(Placement, NeverAdvisesAPortThatTheVmHas) {
    EXPECT_THAT(expect_refused(one_mib(), {root_of_q35()}, ErrorKind::no_free_slot),
                HasSubstr("-device pcie-root-port,id=shm1,chassis=101,slot=101"));
    EXPECT_THAT(expect_refused(one_mib(), {root_of_q35(), port("shm1", true), port("shm2", true)},
                               ErrorKind::no_free_slot),
                HasSubstr("-device pcie-root-port,id=shm3,chassis=103,slot=103"));
}

TEST(Placement, AdvisesABridgeForABusThatHasNoPorts) {
    std::set<int> all;
    for (int slot = 0; slot < 32; ++slot) all.insert(slot);
    const std::string message = expect_refused(one_mib(), {pci_bus(all)}, ErrorKind::no_free_slot);
    EXPECT_THAT(message, testing::Not(HasSubstr("pcie-root-port")));
    EXPECT_THAT(message, HasSubstr("detach a device, or start the VM with\n"
                                   "-device pci-bridge,id=shm1,chassis_nr=101,bus=pci.0"));
}

TEST(Placement, RefusesABusThatTakesNothingAtRuntime) {
    const std::string message = expect_refused(on("pcie.0"), q35(), ErrorKind::no_free_slot);
    EXPECT_THAT(message, HasSubstr("pcie.0"));
    expect_refused(on("pcie.0", 5), q35(), ErrorKind::no_free_slot);
}

TEST(Placement, RefusesAFullPortByName) {
    const std::string message = expect_refused(on("rp0"), q35(), ErrorKind::no_free_slot);
    EXPECT_THAT(message, HasSubstr("rp0"));
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

TEST(Placement, SaysWhatToReserveForARegionThatIsTooLarge) {
    PlacementRequest request = one_mib();
    request.size = 4 * mib;
    const std::string message = expect_refused(request, q35(), ErrorKind::no_free_slot);
    EXPECT_THAT(message, HasSubstr("-device pcie-root-port,id=shm1,chassis=101,slot=101,"
                                   "pref64-reserve=8M"));
    EXPECT_THAT(message, HasSubstr("4M"));
    EXPECT_THAT(message, HasSubstr("2M"));
}

TEST(Placement, AdvisesABridgeToo) {
    EXPECT_THAT(
        expect_refused(one_mib(), {root_of_q35(), port("rp0", true)}, ErrorKind::no_free_slot),
        HasSubstr("start the VM with one of\n"
                  "-device pcie-root-port,id=shm1,chassis=101,slot=101\n"
                  "-device pcie-pci-bridge,id=shm1,bus=pcie.0"));
}

TEST(Placement, AdvisesNoBridgeThatHasTooLittleRoomOrNoAcpi) {
    PlacementRequest request = one_mib();
    request.size = 4 * mib;
    EXPECT_THAT(expect_refused(request, q35(), ErrorKind::no_free_slot),
                testing::Not(HasSubstr("pcie-pci-bridge")));
    Bus native = port("rp0", true);
    native.unplug = Unplug::port;
    EXPECT_THAT(expect_refused(one_mib(), {root_of_q35(), native}, ErrorKind::no_free_slot),
                testing::Not(HasSubstr("pcie-pci-bridge")));
}

TEST(Placement, SaysWhyABusCannotBeUsedAndWhichThereAre) {
    EXPECT_THAT(expect_refused(on("pcie.0"), q35(), ErrorKind::no_free_slot),
                HasSubstr("nothing can be plugged into pcie.0: QEMU plugs nothing into it"));
    EXPECT_THAT(expect_refused(on("rp0"), q35(), ErrorKind::no_free_slot),
                HasSubstr("its port holds a device already"));
    EXPECT_THAT(expect_refused(on("nobus"), q35(), ErrorKind::invalid_parameter),
                HasSubstr("it has pcie.0, rp0, rp1, rp2, rp3"));
    std::vector<Bus> many;
    for (int i = 0; i < 200; ++i) many.push_back(port("rp" + std::to_string(i)));
    EXPECT_THAT(expect_refused(on("nobus"), many, ErrorKind::invalid_parameter),
                HasSubstr("rp11 and 188 more"));
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

TEST(Placement, SaysThatTheMachineHasNoPciBus) {
    EXPECT_EQ(expect_refused(one_mib(), {}, ErrorKind::no_free_slot),
              "the machine has no PCI bus; start the VM with a machine type that has one, such as "
              "q35");
}

TEST(Placement, NamesTheCallersPortWhenTheRegionIsTooLargeForIt) {
    PlacementRequest request = on("rp1");
    request.size = 4 * mib;
    const std::string message = expect_refused(request, q35(), ErrorKind::no_free_slot);
    EXPECT_THAT(message, HasSubstr("added to its pcie-root-port rp1"));
    EXPECT_THAT(message, HasSubstr("pref64-reserve=8M"));
}

TEST(Placement, HasNoWindowToFitOnABusWithManySlots) {
    PlacementRequest request = one_mib();
    request.size = 4096 * mib;
    expect_place(request, pc(), {"pci.0", 30});
}

TEST(Placement, DoesNotBlameTheWindowWhenEveryPortIsTaken) {
    PlacementRequest request = one_mib();
    request.size = 4 * mib;
    const std::string message =
        expect_refused(request, {port("rp0", true), port("rp1", true)}, ErrorKind::no_free_slot);
    EXPECT_THAT(message, testing::Not(HasSubstr("pref64-reserve")));
}

}  // namespace
}  // namespace ivshmemd
