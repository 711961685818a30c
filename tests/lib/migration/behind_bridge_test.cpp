#include "lib/migration/behind_bridge.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lib/diagnosis/parts.h"

namespace ivshmemd {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Device managed(const std::string& name) {
    Device device;
    device.spec.name = name;
    device.spec.role = Role::master;
    device.origin = Origin::managed;
    return device;
}

Capabilities behind_libvirt() {
    Capabilities qemu;
    qemu.bridge = "ivshmemd-libvirt";
    return qemu;
}

TEST(BehindBridge, FindsDevicesThatLibvirtWasNotToldOf) {
    Device foreign = managed("theirs");
    foreign.origin = Origin::foreign;
    Device leaked = managed("leaked");
    leaked.state = DeviceState::leaked;
    const std::vector<Device> devices{managed("a"), foreign, leaked, managed("b")};
    EXPECT_THAT(unknown_to_manager(devices, behind_libvirt()), ElementsAre("a", "b"));
    EXPECT_THAT(unknown_to_manager(devices, Capabilities()), IsEmpty());
    Capabilities started = behind_libvirt();
    started.started_with = {"a"};
    EXPECT_THAT(unknown_to_manager(devices, started), ElementsAre("b"));
}

TEST(BehindBridge, BlocksAMigrationOnce) {
    const std::vector<Reason> reasons =
        judge_manager({managed("a"), managed("b")}, behind_libvirt());
    ASSERT_EQ(reasons.size(), 1U);
    EXPECT_EQ(reasons[0].severity, Severity::blocks);
    EXPECT_FALSE(reasons[0].device);
    EXPECT_THAT(reasons[0].text, HasSubstr("does not know of a, b:"));
    EXPECT_THAT(judge_manager({}, behind_libvirt()), IsEmpty());
}

// libvirt would connect QEMU to the server itself.
TEST(BehindBridge, IsNotMadePermanentWithADoorbell) {
    Device bell = managed("bell");
    bell.has_server = true;
    EXPECT_EQ(can_be_permanent({managed("a")}, behind_libvirt()), "them");
    EXPECT_EQ(can_be_permanent({managed("a"), bell}, behind_libvirt()),
              "those without a doorbell server");
    EXPECT_EQ(can_be_permanent({bell}, behind_libvirt()), "");
    Capabilities started = behind_libvirt();
    started.started_with = {"a"};
    EXPECT_EQ(can_be_permanent({managed("a"), bell}, started), "");
    EXPECT_THAT(judge_manager({managed("a")}, behind_libvirt())[0].text,
                HasSubstr("make them permanent, ivshmemctl libvirt-xml"));
    EXPECT_THAT(judge_manager({bell}, behind_libvirt())[0].text,
                testing::Not(HasSubstr("libvirt-xml")));
}

TEST(BehindBridge, IsToldByADiagnosis) {
    VmFacts vm;
    vm.name = "web";
    vm.capabilities = behind_libvirt();
    std::vector<Finding> findings;
    diagnose_manager(vm, findings);
    EXPECT_THAT(findings, IsEmpty());
    vm.devices.push_back({.device = managed("a"), .memory_path = "", .detaching = {}});
    diagnose_manager(vm, findings);
    ASSERT_EQ(findings.size(), 1U);
    EXPECT_EQ(findings[0].kind, FindingKind::libvirt_unaware);
    EXPECT_THAT(findings[0].mend, HasSubstr("make them permanent: ivshmemctl libvirt-xml web"));
    findings.clear();
    vm.devices[0].device.has_server = true;
    diagnose_manager(vm, findings);
    ASSERT_EQ(findings.size(), 1U);
    EXPECT_THAT(findings[0].mend, testing::EndsWith("without-peers --masters web -- COMMAND"));
}

TEST(BehindBridge, IsNotAskedToGiveUpTheMonitor) {
    VmFacts vm;
    vm.name = "web";
    vm.state = VmState::busy;
    vm.held_by_bridge = true;
    vm.last_error = "libvirt is saving this domain";
    std::vector<Finding> findings;
    diagnose_vm(vm, "ivshmemd", findings);
    ASSERT_EQ(findings.size(), 1U);
    EXPECT_EQ(findings[0].severity, FindingSeverity::note);
    EXPECT_THAT(findings[0].text, HasSubstr("libvirt is saving"));
}

}  // namespace
}  // namespace ivshmemd
