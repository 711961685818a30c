#include <map>

#include "tests/lib/diagnosis/diagnosis_cases.h"

// What is found about the devices of a VM.

namespace ivshmemd::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

VmFacts vm_with(const DeviceFacts& device) {
    VmFacts vm = healthy_vm();
    vm.devices = {device};
    return vm;
}

DeviceFacts bell() {
    DeviceFacts facts = region_device("bell");
    facts.memory_path.clear();
    facts.match = PathMatch::unknown;
    DeviceSpec& spec = facts.device.spec;
    spec.model = Model::doorbell;
    spec.region.reset();
    spec.server = "/run/bell.sock";
    spec.vectors = 2;
    spec.msi = true;
    spec.ioeventfd = true;
    facts.device.has_server = true;
    facts.device.relay_lost = true;
    return facts;
}

TEST(DeviceDiagnosis, FindsALeakedBackend) {
    DeviceFacts facts = region_device("shm0");
    facts.device.state = DeviceState::leaked;
    facts.device.qom_path = "/objects/ivshmemd.shm0.mem";
    facts.device.spec.region.reset();
    const Finding finding = only_finding(found_in(vm_with(facts)));
    EXPECT_EQ(finding.kind, FindingKind::backend_leaked);
    EXPECT_EQ(finding.severity, FindingSeverity::warning);
    EXPECT_EQ(finding.vm, "web");
    EXPECT_EQ(finding.device, "shm0");
    EXPECT_THAT(finding.text, AllOf(HasSubstr("/objects/ivshmemd.shm0.mem"), HasSubstr("1M")));
    EXPECT_THAT(finding.mend, HasSubstr("restart the VM"));
}

TEST(DeviceDiagnosis, FindsADeviceThatHasBeenDetachingForLong) {
    DeviceFacts facts = region_device("shm0");
    facts.device.state = DeviceState::detaching;
    EXPECT_THAT(found_in(vm_with(facts)), IsEmpty()) << "the guest's own affair";
    facts.detaching = std::chrono::seconds(59);
    EXPECT_THAT(found_in(vm_with(facts)), IsEmpty()) << "not long";
    for (const auto& [seconds, words] : std::map<int, std::string>{
             {60, "for 60 s:"}, {125, "for 2 min:"}, {3 * 3600, "for 3 h:"}}) {
        facts.detaching = std::chrono::seconds(seconds);
        const Finding finding = only_finding(found_in(vm_with(facts)));
        EXPECT_EQ(finding.kind, FindingKind::detach_pending);
        EXPECT_EQ(finding.severity, FindingSeverity::warning);
        EXPECT_EQ(finding.vm, "web");
        EXPECT_EQ(finding.device, "shm0");
        EXPECT_THAT(finding.text, HasSubstr(words));
        EXPECT_THAT(finding.mend, AllOf(HasSubstr("hotplug driver"), HasSubstr("reset")));
    }
    VmFacts paused = vm_with(facts);
    paused.run_state = "paused";
    EXPECT_THAT(only_finding(found_in(paused)).mend, HasSubstr("let the VM run (it is paused)"));
}

TEST(DeviceDiagnosis, FindsALostRelay) {
    const Finding finding = only_finding(found_in(vm_with(bell())));
    EXPECT_EQ(finding.kind, FindingKind::relay_lost);
    EXPECT_EQ(finding.severity, FindingSeverity::problem);
    EXPECT_THAT(finding.text, HasSubstr("/run/bell.sock"));
    EXPECT_THAT(finding.mend,
                HasSubstr("ivshmemctl detach web bell && ivshmemctl attach web bell --model "
                          "ivshmem-doorbell --role peer --server /run/bell.sock --vectors 2"));
    EXPECT_THAT(finding.mend, AllOf(Not(HasSubstr("--msi")), Not(HasSubstr("--ioeventfd"))));
    DeviceFacts connected = bell();
    connected.device.relay_lost = false;
    EXPECT_THAT(found_in(vm_with(connected)), IsEmpty());
}

TEST(DeviceDiagnosis, FindsPeersThatItsQemuHasNoRoomFor) {
    DeviceFacts facts = bell();
    facts.device.relay_lost = false;
    facts.device.peers_waiting = 3;
    const Finding finding = only_finding(found_in(vm_with(facts)));
    EXPECT_EQ(finding.kind, FindingKind::few_descriptors);
    EXPECT_EQ(finding.severity, FindingSeverity::problem);
    EXPECT_EQ(finding.device, "bell");
    EXPECT_THAT(finding.text, HasSubstr("free for 3 peers of its doorbell server"));
    EXPECT_THAT(finding.mend, HasSubstr("LimitNOFILE="));
}

TEST(DeviceDiagnosis, RepeatsTheOptionsThatWereChosen) {
    DeviceFacts facts = bell();
    facts.device.spec.role = Role::master;
    facts.device.spec.ioeventfd = false;
    facts.device.spec.server = "/run/a bell.sock";
    EXPECT_THAT(only_finding(found_in(vm_with(facts))).mend,
                HasSubstr("--role master --server '/run/a bell.sock' --vectors 2 --ioeventfd off"));
    facts.device.spec.model = Model::legacy;
    facts.device.spec.msi = false;
    EXPECT_THAT(only_finding(found_in(vm_with(facts))).mend,
                AllOf(HasSubstr("--model ivshmem --role"), HasSubstr("--vectors 2 --msi off"),
                      Not(HasSubstr("--ioeventfd"))));
    facts.device.spec.server.reset();
    EXPECT_THAT(only_finding(found_in(vm_with(facts))).mend, HasSubstr("--server SOCKET"));
}

TEST(DeviceDiagnosis, FindsADeviceThatARunningGuestDidNotTake) {
    DeviceFacts facts = region_device("shm0");
    facts.device.guest_mapped = false;
    VmFacts vm = vm_with(facts);
    const Finding finding = only_finding(found_in(vm));
    EXPECT_EQ(finding.kind, FindingKind::never_mapped);
    EXPECT_EQ(finding.severity, FindingSeverity::warning);
    EXPECT_EQ(finding.device, "shm0");
    EXPECT_EQ(finding.region, "shm0");
    EXPECT_THAT(finding.mend, AllOf(HasSubstr("echo 1 > /sys/bus/pci/rescan"),
                                    HasSubstr("lspci -v -d 1af4:1110")));
    for (const char* state : {"paused", "prelaunch", "inmigrate"}) {
        vm.run_state = state;
        EXPECT_THAT(found_in(vm), IsEmpty()) << state;
    }
}

TEST(DeviceDiagnosis, SaysThatAPortIsTooSmallForTheDevice) {
    VmFacts vm = vm_with(region_device("shm0"));
    vm.buses = {root_complex(), root_port("rp0", false), root_port("rp1", true, 512 * megabyte),
                root_port("rp2", true, 512 * megabyte), root_port("rp3", true, 512 * megabyte)};
    Device& device = vm.devices[0].device;
    device.guest_mapped = false;
    device.spec.size = 256 * megabyte;
    device.spec.bus = "rp0";
    const Finding finding = only_finding(found_in(vm));
    EXPECT_THAT(finding.text, HasSubstr("256M do not fit on rp0, which has room for 2M"));
    EXPECT_THAT(finding.mend, HasSubstr("-device pcie-root-port,id=shm1,chassis=101,slot=101,"
                                        "pref64-reserve=512M"));
}

TEST(DeviceDiagnosis, FindsARegionThatWasReplacedUnderTheQemu) {
    DeviceFacts facts = region_device("shm0");
    facts.match = PathMatch::replaced;
    const Finding finding = only_finding(found_in(vm_with(facts)));
    EXPECT_EQ(finding.kind, FindingKind::region_split);
    EXPECT_EQ(finding.severity, FindingSeverity::problem);
    EXPECT_EQ(finding.device, "shm0");
    EXPECT_EQ(finding.region, "shm0");
    EXPECT_THAT(finding.text, AllOf(HasSubstr("/dev/shm/shm0"), HasSubstr("replaced")));
    EXPECT_EQ(finding.mend,
              "ivshmemctl detach web shm0 && ivshmemctl attach web shm0 --model ivshmem-plain "
              "--role peer --region shm0");
}

TEST(DeviceDiagnosis, FindsAQemuThatSeesOtherMounts) {
    DeviceFacts facts = region_device("shm0");
    facts.match = PathMatch::elsewhere;
    const Finding finding = only_finding(found_in(vm_with(facts)));
    EXPECT_EQ(finding.kind, FindingKind::region_split);
    EXPECT_THAT(finding.text, HasSubstr("other mounts"));
    EXPECT_THAT(finding.mend, AllOf(HasSubstr("let the QEMU see /dev/shm of the host"),
                                    HasSubstr("ivshmemctl detach web shm0")));
}

TEST(DeviceDiagnosis, ClaimsNothingAboutAMappingThatCannotBeTold) {
    DeviceFacts facts = region_device("shm0");
    facts.match = PathMatch::unknown;
    EXPECT_EQ(only_finding(found_in(vm_with(facts))).kind, FindingKind::mapping_unknown);
}

TEST(DeviceDiagnosis, FindsMemoryThatIsACopyOrIsEmptiedAtTheEnd) {
    DeviceFacts facts = region_device("shm0");
    facts.device.memory = whole_file({1, 10}, megabyte);
    EXPECT_THAT(found_in(vm_with(facts)), IsEmpty());
    facts.discarded = true;
    EXPECT_EQ(only_finding(found_in(vm_with(facts))).kind, FindingKind::discarded_memory);
    facts.device.memory->shared = false;  // it is the copy that is emptied
    const Finding finding = only_finding(found_in(vm_with(facts)));
    EXPECT_EQ(finding.kind, FindingKind::private_memory);
    EXPECT_THAT(finding.mend, HasSubstr("share=on"));
}

TEST(DeviceDiagnosis, FindsARegionWhoseFileIsGone) {
    DeviceFacts facts = region_device("shm0");
    facts.memory_missing = true;
    facts.match = PathMatch::unknown;
    const Finding finding = only_finding(found_in(vm_with(facts)));
    EXPECT_EQ(finding.kind, FindingKind::region_missing);
    EXPECT_EQ(finding.severity, FindingSeverity::problem);
    EXPECT_THAT(finding.text, HasSubstr("/dev/shm/shm0 is gone"));
    EXPECT_THAT(finding.mend, HasSubstr("ivshmemctl attach web shm0 --model ivshmem-plain --role "
                                        "peer --region shm0 --size 1M"));
}

TEST(DeviceDiagnosis, FindsDevicesThatAreNotAsDeclared) {
    VmFacts vm = vm_with(region_device("shm0"));
    vm.declared_failures = {{"shm0", "it stays as it is: RegionMismatch: too small"},
                            {"shm1", "NoFreeSlot: none"}};
    const std::vector<Finding> found = found_in(vm);
    ASSERT_EQ(found.size(), 2u);
    EXPECT_EQ(found[0].kind, FindingKind::declared_failed);
    EXPECT_EQ(found[0].severity, FindingSeverity::problem);
    EXPECT_EQ(found[0].vm, "web");
    EXPECT_EQ(found[0].device, "shm0");
    EXPECT_THAT(found[0].text, HasSubstr("it stays as it is: RegionMismatch: too small"));
    EXPECT_THAT(found[0].mend, HasSubstr("systemctl reload ivshmemd"));
    EXPECT_EQ(found[1].device, "shm1");
    vm.state = VmState::unreachable;
    for (const Finding& each : found_in(vm)) {
        EXPECT_NE(each.kind, FindingKind::declared_failed) << "of a QEMU that is gone";
    }
}

struct Settings {
    const char* what;
    Role role;
    Model model;
    MigrationSettings settings;
    const char* mend;  // a part of the advice; null where all is well
};

TEST(DeviceDiagnosis, FindsSettingsThatKeepAMastersContentFromArriving) {
    constexpr Model plain = Model::plain;
    constexpr Model doorbell = Model::doorbell;
    for (const Settings& each :
         {Settings{"as usual", Role::master, plain, {false, "normal"}, nullptr},
          Settings{"ignored", Role::master, plain, {true, "normal"}, "x-ignore-shared"},
          Settings{"ignored by an old QEMU", Role::master, plain, {true, ""}, "\"state\": false"},
          Settings{"a peer", Role::peer, plain, {true, "normal"}, nullptr},
          Settings{"saved", Role::master, plain, {false, "cpr-reboot"}, nullptr},
          Settings{"not saved", Role::master, plain, {true, "cpr-reboot"}, "x-ignore-shared"},
          Settings{"a server", Role::master, doorbell, {false, "cpr-transfer"}, "\"normal\""},
          Settings{"a server, moved", Role::master, doorbell, {false, "normal"}, nullptr}}) {
        DeviceFacts facts = region_device("shm0");
        facts.device.spec.role = each.role;
        facts.device.spec.model = each.model;
        facts.device.has_server = each.model == doorbell;
        VmFacts vm = vm_with(facts);
        EXPECT_THAT(found_in(vm), IsEmpty()) << each.what << ", and nobody asked";
        vm.migration = each.settings;
        EXPECT_EQ(found_in(vm).empty(), !each.mend) << each.what;
        if (!each.mend) continue;
        const Finding finding = only_finding(found_in(vm));
        EXPECT_EQ(finding.kind, FindingKind::migration_settings) << each.what;
        EXPECT_EQ(finding.severity, FindingSeverity::warning);
        EXPECT_EQ(finding.device, "shm0");
        EXPECT_THAT(finding.mend, HasSubstr(each.mend)) << each.what;
        vm.devices[0].device.stale = true;
        EXPECT_THAT(found_in(vm), IsEmpty()) << each.what << ", of a QEMU that is gone";
    }
}

TEST(DeviceDiagnosis, LeavesForeignDevicesToWhoeverManagesThem) {
    DeviceFacts facts = region_device("theirs");
    facts.device.origin = Origin::foreign;
    facts.device.qom_path = "/machine/peripheral-anon/device[0]";
    facts.match = PathMatch::replaced;
    EXPECT_THAT(only_finding(found_in(vm_with(facts))).mend,
                AllOf(HasSubstr("with whatever manages it"),
                      HasSubstr("ivshmemctl detach web --qom-path "
                                "'/machine/peripheral-anon/device[0]'"),
                      Not(HasSubstr("attach web"))));
}

TEST(DeviceDiagnosis, IsSilentAboutDevicesThatComeGoOrAreOfThePast) {
    DeviceFacts facts = region_device("shm0");
    facts.device.guest_mapped = false;
    facts.device.relay_lost = true;
    facts.match = PathMatch::replaced;
    EXPECT_EQ(found_in(vm_with(facts)).size(), 3u);
    DeviceFacts stale = facts;
    stale.device.stale = true;
    EXPECT_THAT(found_in(vm_with(stale)), IsEmpty());
    for (const DeviceState state : {DeviceState::attaching, DeviceState::detaching}) {
        facts.device.state = state;
        EXPECT_THAT(found_in(vm_with(facts)), IsEmpty()) << state_name(state);
    }
}

}  // namespace
}  // namespace ivshmemd::test
