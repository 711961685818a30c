#include "lib/next_start.h"
#include "tests/lib/diagnosis/diagnosis_cases.h"

// What is found about monitors, QEMUs and their room for devices.

namespace ivshmemd::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

VmFacts in_state(VmState state, std::optional<std::string> last_error = std::nullopt) {
    VmFacts vm = healthy_vm();
    vm.state = state;
    vm.last_error = std::move(last_error);
    vm.buses.clear();  // nothing is said about what cannot be asked
    return vm;
}

VmFacts q35_with(std::vector<Bus> ports) {
    VmFacts vm = healthy_vm();
    vm.buses = {root_complex()};
    vm.buses.insert(vm.buses.end(), ports.begin(), ports.end());
    return vm;
}

VmFacts with_models(std::set<Model> models, Version version) {
    VmFacts vm = healthy_vm();
    vm.capabilities = Capabilities{std::move(models), version, "pc-i440fx"};
    return vm;
}

TEST(VmDiagnosis, FindsAVmThatIsNotThere) {
    const Finding finding =
        only_finding(found_in(in_state(VmState::unreachable, "no such file or directory")));
    EXPECT_EQ(finding.kind, FindingKind::vm_unreachable);
    EXPECT_EQ(finding.severity, FindingSeverity::warning);
    EXPECT_EQ(finding.vm, "web");
    EXPECT_THAT(finding.text, HasSubstr("no such file or directory"));
    EXPECT_THAT(finding.mend, AllOf(HasSubstr("-qmp unix:/run/vms/web.qmp,server=on,wait=off"),
                                    HasSubstr("user ivshmemd")));
}

TEST(VmDiagnosis, FindsAVmThatDoesNotAnswer) {
    VmFacts vm = in_state(VmState::unresponsive, "QEMU does not answer; the process is stopped");
    vm.buses = healthy_vm().buses;
    const Finding finding = only_finding(found_in(vm));
    EXPECT_EQ(finding.kind, FindingKind::vm_unresponsive);
    EXPECT_EQ(finding.severity, FindingSeverity::problem);
    EXPECT_THAT(finding.text, HasSubstr("the process is stopped"));
    EXPECT_THAT(finding.mend, HasSubstr("kill -CONT 4242"));
    vm.pid.reset();
    EXPECT_THAT(only_finding(found_in(vm)).mend, HasSubstr("kill -CONT PID"));
}

TEST(VmDiagnosis, FindsAMonitorThatSomebodyElseHolds) {
    const Finding finding = only_finding(found_in(in_state(VmState::busy, "no greeting")));
    EXPECT_EQ(finding.kind, FindingKind::monitor_held);
    EXPECT_EQ(finding.severity, FindingSeverity::problem);
    EXPECT_THAT(finding.text, HasSubstr("no greeting"));
    EXPECT_THAT(finding.mend,
                AllOf(HasSubstr("ss -xp | grep -F /run/vms/web.qmp"), HasSubstr("-qmp unix:")));
}

TEST(VmDiagnosis, MentionsThatThereAreNone) {
    const Finding finding = only_finding(diagnose(host_of({})));
    EXPECT_EQ(finding.kind, FindingKind::no_vms);
    EXPECT_EQ(finding.severity, FindingSeverity::note);
    EXPECT_EQ(finding.vm, std::nullopt);
    EXPECT_THAT(finding.mend, AllOf(HasSubstr("--vm NAME=QMP_SOCKET"), HasSubstr("vm_dir")));
}

TEST(VmDiagnosis, SaysWhatEndsPreconfig) {
    VmFacts vm = in_state(VmState::connecting, "no machine");
    vm.run_state = "preconfig";
    const Finding finding = only_finding(found_in(vm));
    EXPECT_EQ(finding.kind, FindingKind::vm_unreachable);
    EXPECT_EQ(finding.severity, FindingSeverity::warning);
    EXPECT_THAT(finding.text, HasSubstr("-preconfig"));
    EXPECT_THAT(finding.mend, HasSubstr("x-exit-preconfig"));
}

TEST(VmDiagnosis, MentionsAConnectionThatIsBeingMade) {
    const Finding finding = only_finding(found_in(in_state(VmState::connecting, "it ended")));
    EXPECT_EQ(finding.kind, FindingKind::vm_unreachable);
    EXPECT_EQ(finding.severity, FindingSeverity::note);
    EXPECT_EQ(finding.vm, "web");
    EXPECT_THAT(finding.text, HasSubstr("it ended"));
}

TEST(VmDiagnosis, FindsAQemuWithoutAnyModel) {
    const Finding finding = only_finding(found_in(with_models({}, {9, 0, 1})));
    EXPECT_EQ(finding.kind, FindingKind::no_model);
    EXPECT_EQ(finding.severity, FindingSeverity::problem);
    EXPECT_THAT(finding.text, HasSubstr("QEMU 9.0.1"));
    EXPECT_THAT(finding.mend, HasSubstr("-device help | grep ivshmem"));
}

TEST(VmDiagnosis, FindsAQemuWithTheLegacyModelAlone) {
    const Finding finding = only_finding(found_in(with_models({Model::legacy}, {3, 1, 0})));
    EXPECT_EQ(finding.kind, FindingKind::legacy_only);
    EXPECT_EQ(finding.severity, FindingSeverity::warning);
    EXPECT_THAT(finding.mend, HasSubstr("ivshmem-plain"));
    EXPECT_THAT(found_in(with_models({Model::legacy, Model::plain}, {3, 1, 0})), IsEmpty());
}

TEST(VmDiagnosis, FindsAQemuThatIsTooOldToBeChanged) {
    const Finding finding = only_finding(
        found_in(with_models({Model::legacy, Model::plain, Model::doorbell}, {3, 0, 9})));
    EXPECT_EQ(finding.kind, FindingKind::qemu_too_old);
    EXPECT_EQ(finding.severity, FindingSeverity::problem);
    EXPECT_THAT(finding.mend, HasSubstr("QEMU 3.1 or newer"));
    EXPECT_THAT(found_in(with_models({Model::legacy}, {2, 5, 0})), SizeIs(2));
}

TEST(VmDiagnosis, AdvisesTheNextPortWhereNoneIsFree) {
    const Finding finding =
        only_finding(found_in(q35_with({root_port("shm1", false), root_port("rp0", false)})));
    EXPECT_EQ(finding.kind, FindingKind::no_free_slot);
    EXPECT_EQ(finding.severity, FindingSeverity::warning);
    EXPECT_THAT(finding.mend,
                HasSubstr("start the VM with another slot: -device pcie-root-port,id=shm2,"
                          "chassis=102,slot=102,pref64-reserve=128M"));
    EXPECT_EQ(only_finding(found_in(q35_with({}))).kind, FindingKind::no_free_slot);
}

TEST(VmDiagnosis, AdvisesPortsForTheLargestRegionOfTheVm) {
    VmFacts vm = q35_with({root_port("rp0", false, 2048 * megabyte)});
    vm.devices = {region_device("large")};
    vm.devices[0].device.spec.size = 1024 * megabyte;
    EXPECT_THAT(only_finding(found_in(vm)).mend, HasSubstr(",pref64-reserve=2G"));
}

TEST(VmDiagnosis, AdvisesABridgeForAConventionalBus) {
    VmFacts vm = healthy_vm();
    vm.buses = {conventional_bus(0)};
    const Finding finding = only_finding(found_in(vm));
    EXPECT_EQ(finding.kind, FindingKind::no_free_slot);
    EXPECT_THAT(finding.mend, HasSubstr("-device pci-bridge,id=shm1,chassis_nr=101,bus=pci.0"));
}

TEST(VmDiagnosis, SaysThatAMachineHasNoPci) {
    VmFacts vm = healthy_vm();
    vm.buses.clear();
    const Finding finding = only_finding(found_in(vm));
    EXPECT_EQ(finding.kind, FindingKind::no_free_slot);
    EXPECT_EQ(finding.text, no_pci_bus);
    EXPECT_EQ(finding.mend, use_pci_machine);
}

TEST(VmDiagnosis, NotesThatFewSlotsAreLeft) {
    constexpr std::uint64_t roomy = 256 * megabyte;
    const VmFacts one = q35_with({root_port("rp0", true, roomy), root_port("rp1", false)});
    const Finding finding = only_finding(found_in(one));
    EXPECT_EQ(finding.kind, FindingKind::few_free_slots);
    EXPECT_EQ(finding.severity, FindingSeverity::note);
    EXPECT_THAT(finding.text, HasSubstr("1 hotpluggable PCI slot is free"));
    EXPECT_THAT(finding.mend, HasSubstr("-device pcie-root-port,id=shm1"));
    const VmFacts two = q35_with({root_port("rp0", true, roomy), root_port("rp1", true, roomy)});
    EXPECT_THAT(only_finding(found_in(two)).text, HasSubstr("2 hotpluggable PCI slots are free"));
    const VmFacts three = q35_with({root_port("rp0", true, roomy), root_port("rp1", true, roomy),
                                    root_port("rp2", true, roomy)});
    EXPECT_THAT(found_in(three), IsEmpty());
}

TEST(VmDiagnosis, WarnsOfAQemuThatWillRunOutOfDescriptors) {
    constexpr std::uint64_t roomy = 256 * megabyte;
    VmFacts vm = q35_with({root_port("rp0", true, roomy), root_port("rp1", true, roomy),
                           root_port("rp2", true, roomy)});
    vm.descriptor_limit = 1024;
    EXPECT_THAT(found_in(vm), IsEmpty()) << "nobody knows how many it has";
    vm.descriptors = 767;
    EXPECT_THAT(found_in(vm), IsEmpty());
    vm.descriptors = 768;
    const Finding finding = only_finding(found_in(vm));
    EXPECT_EQ(finding.kind, FindingKind::few_descriptors);
    EXPECT_EQ(finding.severity, FindingSeverity::warning);
    EXPECT_THAT(finding.text, HasSubstr("768 of the 1024"));
    EXPECT_THAT(finding.mend, HasSubstr("LimitNOFILE="));
}

TEST(VmDiagnosis, NotesThatTheFreePortsTakeSmallRegionsOnly) {
    VmFacts vm = q35_with({root_port("a", true), root_port("b", true, 4 * megabyte),
                           root_port("c", true), root_port("d", false, 256 * megabyte)});
    const Finding finding = only_finding(found_in(vm));
    EXPECT_EQ(finding.kind, FindingKind::small_window);
    EXPECT_EQ(finding.severity, FindingSeverity::note);
    EXPECT_THAT(finding.text, HasSubstr("at most 4M"));
    EXPECT_THAT(finding.mend, HasSubstr("pref64-reserve=128M"));
    vm.buses.push_back(root_port("e", true, 64 * megabyte));
    EXPECT_THAT(found_in(vm), IsEmpty());
}

TEST(VmDiagnosis, AdmitsWhatProcDoesNotTell) {
    VmFacts vm = healthy_vm();
    EXPECT_THAT(found_in(vm), IsEmpty()) << "it has no region that could be split";
    vm.devices = {region_device("shm0")};
    vm.devices[0].match = PathMatch::unknown;
    const Finding finding = only_finding(found_in(vm));
    EXPECT_EQ(finding.kind, FindingKind::mapping_unknown);
    EXPECT_EQ(finding.severity, FindingSeverity::note);
    EXPECT_THAT(finding.text, HasSubstr("/proc/4242/maps is not readable"));
    EXPECT_THAT(finding.mend, AllOf(HasSubstr("grep -F /dev/shm/shm0 /proc/4242/maps"),
                                    HasSubstr("stat -c %i /dev/shm/shm0")));
    vm.pid.reset();
    const Finding anonymous = only_finding(found_in(vm));
    EXPECT_THAT(anonymous.text, HasSubstr("its process is not known"));
    EXPECT_THAT(anonymous.mend, HasSubstr("ss -xlp | grep -F /run/vms/web.qmp"));
    vm.devices[0].memory_path.clear();
    EXPECT_THAT(found_in(vm), IsEmpty()) << "the memory is no file";
}

TEST(VmDiagnosis, QuotesWhatGoesIntoCommands) {
    VmFacts vm = in_state(VmState::busy);
    vm.qmp_socket = "/run/my vms/$web.qmp";
    EXPECT_THAT(only_finding(found_in(vm)).mend, HasSubstr("grep -F '/run/my vms/$web.qmp'"));
}

}  // namespace
}  // namespace ivshmemd::test
