#include "tests/lib/placement_cases.h"

// What is said where a device cannot be placed, and what is advised.
namespace ivshmemd {
namespace {

TEST(PlacementRefusal, RefusesABusTheVmDoesNotHave) {
    const Result<Choice> choice = place(on("nobus", 3), q35(), {});
    ASSERT_FALSE(choice);
    EXPECT_EQ(choice.error().kind, ErrorKind::invalid_parameter);
    ASSERT_EQ(choice.error().details.size(), 1U);
    EXPECT_EQ(choice.error().details[0], ErrorDetail("parameter", std::string("bus")));
    EXPECT_THAT(choice.error().message, HasSubstr("nobus"));
}

TEST(PlacementRefusal, RefusesASlotThatIsTaken) {
    expect_refused(on("pci.0", 1), pc(), ErrorKind::slot_in_use);
    expect_refused(on({}, 2), pc(), ErrorKind::slot_in_use);
    expect_refused(on("rp0", 0), q35(), ErrorKind::slot_in_use);
}

TEST(PlacementRefusal, SaysWhatToAddToTheCommandLineWhenNothingIsFree) {
    const std::string message =
        expect_refused(one_mib(), {root_of_q35(), port("rp0", true)}, ErrorKind::no_free_slot);
    EXPECT_THAT(message, HasSubstr("-device pcie-root-port,id="));
    EXPECT_THAT(message, HasSubstr("chassis="));
    expect_refused(one_mib(), {}, ErrorKind::no_free_slot);
}

TEST(PlacementRefusal, NeverAdvisesAPortThatTheVmHas) {
    EXPECT_THAT(expect_refused(one_mib(), {root_of_q35()}, ErrorKind::no_free_slot),
                HasSubstr("-device pcie-root-port,id=shm1,chassis=101,slot=101"));
    EXPECT_THAT(expect_refused(one_mib(), {root_of_q35(), port("shm1", true), port("shm2", true)},
                               ErrorKind::no_free_slot),
                HasSubstr("-device pcie-root-port,id=shm3,chassis=103,slot=103"));
}

TEST(PlacementRefusal, AdvisesABridgeForABusThatHasNoPorts) {
    std::set<int> all;
    for (int slot = 0; slot < 32; ++slot) all.insert(slot);
    const std::string message = expect_refused(one_mib(), {pci_bus(all)}, ErrorKind::no_free_slot);
    EXPECT_THAT(message, testing::Not(HasSubstr("pcie-root-port")));
    EXPECT_THAT(message, HasSubstr("detach a device, or start the VM with\n"
                                   "-device pci-bridge,id=shm1,chassis_nr=101,bus=pci.0"));
}

TEST(PlacementRefusal, RefusesABusThatTakesNothingAtRuntime) {
    const std::string message = expect_refused(on("pcie.0"), q35(), ErrorKind::no_free_slot);
    EXPECT_THAT(message, HasSubstr("pcie.0"));
    expect_refused(on("pcie.0", 5), q35(), ErrorKind::no_free_slot);
}

TEST(PlacementRefusal, RefusesAFullPortByName) {
    const std::string message = expect_refused(on("rp0"), q35(), ErrorKind::no_free_slot);
    EXPECT_THAT(message, HasSubstr("rp0"));
}

TEST(PlacementRefusal, SaysWhatToReserveForARegionThatIsTooLarge) {
    PlacementRequest request = one_mib();
    request.size = 4 * mib;
    const std::string message = expect_refused(request, q35(), ErrorKind::no_free_slot);
    EXPECT_THAT(message, HasSubstr("-device pcie-root-port,id=shm1,chassis=101,slot=101,"
                                   "pref64-reserve=8M"));
    EXPECT_THAT(message, HasSubstr("4M"));
    EXPECT_THAT(message, HasSubstr("2M"));
}

TEST(PlacementRefusal, AdvisesABridgeToo) {
    EXPECT_THAT(
        expect_refused(one_mib(), {root_of_q35(), port("rp0", true)}, ErrorKind::no_free_slot),
        HasSubstr("start the VM with one of\n"
                  "-device pcie-root-port,id=shm1,chassis=101,slot=101\n"
                  "-device pcie-pci-bridge,id=shm1,bus=pcie.0"));
}

TEST(PlacementRefusal, AdvisesNoBridgeThatHasTooLittleRoomOrNoAcpi) {
    PlacementRequest request = one_mib();
    request.size = 4 * mib;
    EXPECT_THAT(expect_refused(request, q35(), ErrorKind::no_free_slot),
                testing::Not(HasSubstr("pcie-pci-bridge")));
    Bus native = port("rp0", true);
    native.unplug = Unplug::port;
    EXPECT_THAT(expect_refused(one_mib(), {root_of_q35(), native}, ErrorKind::no_free_slot),
                testing::Not(HasSubstr("pcie-pci-bridge")));
}

TEST(PlacementRefusal, SaysWhyABusCannotBeUsedAndWhichThereAre) {
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

TEST(PlacementRefusal, SaysThatTheMachineHasNoPciBus) {
    PlacementRequest chosen = on("pci.0");
    chosen.slot = 4;
    EXPECT_EQ(expect_refused(chosen, {}, ErrorKind::no_free_slot),
              expect_refused(one_mib(), {}, ErrorKind::no_free_slot));
    EXPECT_EQ(expect_refused(one_mib(), {}, ErrorKind::no_free_slot),
              "the machine has no PCI bus; start the VM with a machine type that has one, such as "
              "q35");
}

TEST(PlacementRefusal, NamesTheCallersPortWhenTheRegionIsTooLargeForIt) {
    PlacementRequest request = on("rp1");
    request.size = 4 * mib;
    const std::string message = expect_refused(request, q35(), ErrorKind::no_free_slot);
    EXPECT_THAT(message, HasSubstr("added to its pcie-root-port rp1"));
    EXPECT_THAT(message, HasSubstr("pref64-reserve=8M"));
}

TEST(PlacementRefusal, SaysWhatALargeWindowMayCost) {
    PlacementRequest request = on("rp1");
    request.size = 512 * mib;
    EXPECT_THAT(expect_refused(request, q35(), ErrorKind::no_free_slot),
                testing::Not(HasSubstr("little memory")));
    request.size = 1024 * mib;
    EXPECT_THAT(expect_refused(request, q35(), ErrorKind::no_free_slot),
                HasSubstr("a guest of little memory may lose the windows of all ports"));
}

TEST(PlacementRefusal, DoesNotBlameTheWindowWhenEveryPortIsTaken) {
    PlacementRequest request = one_mib();
    request.size = 4 * mib;
    const std::string message =
        expect_refused(request, {port("rp0", true), port("rp1", true)}, ErrorKind::no_free_slot);
    EXPECT_THAT(message, testing::Not(HasSubstr("pref64-reserve")));
}

}  // namespace
}  // namespace ivshmemd
