#include <sys/stat.h>

#include "tests/lib/diagnosis/diagnosis_cases.h"

// What is found about the files of regions.

namespace ivshmemd::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class RegionDiagnosis : public testing::Test {
  protected:
    /// A region of 1 MiB that this daemon made and a device of VM "web" uses, with nothing wrong.
    RegionDiagnosis() {
        VmFacts vm = healthy_vm();
        vm.devices = {region_device("shm0")};
        host_ = host_of({vm});
        host_.regions = {{"/dev/shm/shm0",
                          {true, S_IFREG | 0660, host_.daemon, megabyte},
                          {{"web", "shm0", Role::peer}},
                          true,
                          "shm0"}};
    }

    Region& region() { return host_.regions[0]; }
    std::vector<Finding> findings() const { return diagnose(host_); }
    Finding finding() const { return only_finding(findings()); }

    /// A device of another VM in the same region.
    void add_user(std::uint64_t size, uid_t qemu_user) {
        VmFacts vm = healthy_vm("db");
        vm.qemu_user = qemu_user;
        vm.devices = {region_device("mine")};
        vm.devices[0].memory_path = region().path;
        vm.devices[0].device.spec.size = size;
        host_.vms.push_back(vm);
        region().users.push_back({"db", "mine", Role::peer});
    }

    HostFacts host_;
};

TEST_F(RegionDiagnosis, FindsNothingWrongInWhatTheDaemonMakes) {
    EXPECT_THAT(findings(), IsEmpty());
}

TEST_F(RegionDiagnosis, FindsTwoMastersAndNamesBoth) {
    add_user(megabyte, 500);
    host_.vms[0].devices[0].device.spec.role = Role::master;
    EXPECT_THAT(findings(), IsEmpty()) << "one master and a peer";
    host_.vms[1].devices[0].device.spec.role = Role::master;
    EXPECT_EQ(finding().kind, FindingKind::two_masters);
    EXPECT_EQ(finding().severity, FindingSeverity::problem);
    EXPECT_EQ(finding().region, "shm0");
    EXPECT_THAT(finding().text, AllOf(HasSubstr("web/shm0"), HasSubstr("db/mine")));
    EXPECT_THAT(finding().mend, AllOf(HasSubstr("'ivshmemctl detach web shm0'"),
                                      HasSubstr("'ivshmemctl detach db mine'")));
    host_.vms[1].devices[0].device.origin = Origin::foreign;
    EXPECT_THAT(finding().mend, HasSubstr("ivshmemctl detach db --qom-path"));
}

TEST_F(RegionDiagnosis, TakesBothEndsOfAMigrationForOneMaster) {
    add_user(megabyte, 500);
    for (VmFacts& vm : host_.vms) vm.devices[0].device.spec.role = Role::master;
    for (const char* state : {"inmigrate", "postmigrate", "finish-migrate"}) {
        host_.vms[1].run_state = state;
        EXPECT_THAT(findings(), IsEmpty()) << state;
    }
}

TEST_F(RegionDiagnosis, FindsAnOwnerWhoIsNotTrusted) {
    region().facts.owner = 1000;
    EXPECT_EQ(finding().kind, FindingKind::region_owner);
    EXPECT_EQ(finding().severity, FindingSeverity::problem);
    EXPECT_EQ(finding().region, "shm0");
    EXPECT_FALSE(finding().vm) << "it is every VM's that uses the region";
    EXPECT_THAT(finding().text, AllOf(HasSubstr("user 1000"), HasSubstr("VM web")));
    EXPECT_THAT(finding().mend, AllOf(HasSubstr("chown ivshmemd /dev/shm/shm0"),
                                      HasSubstr("list 1000 in [trust] users")));
    region().created_by_us = false;
    host_.trusted_users = {1000};
    EXPECT_THAT(findings(), IsEmpty());
}

TEST_F(RegionDiagnosis, FindsTheUserOfAnotherQemuWhoOwnsTheRegion) {
    add_user(megabyte, 501);
    region().facts.owner = 501;
    EXPECT_EQ(finding().severity, FindingSeverity::problem);
    EXPECT_THAT(finding().text, AllOf(HasSubstr("VM web"), Not(HasSubstr("VM db"))));
}

TEST_F(RegionDiagnosis, FindsARegionThatTheDaemonMadeAndLost) {
    region().facts.owner = 0;
    EXPECT_EQ(finding().kind, FindingKind::region_owner);
    EXPECT_EQ(finding().severity, FindingSeverity::warning);
    EXPECT_THAT(finding().text, HasSubstr("no longer to ivshmemd"));
    EXPECT_EQ(finding().mend, "chown ivshmemd /dev/shm/shm0");
    region().created_by_us = false;
    EXPECT_THAT(findings(), IsEmpty()) << "root may own what root made";
}

TEST_F(RegionDiagnosis, FindsAModeThatLetsEverybodyIn) {
    for (const bool ours : {true, false}) {
        region().created_by_us = ours;
        region().facts.mode = S_IFREG | 0666;
        EXPECT_EQ(finding().kind, FindingKind::region_mode);
        EXPECT_EQ(finding().severity, FindingSeverity::problem);
        EXPECT_THAT(finding().text, HasSubstr("mode 0666"));
        EXPECT_EQ(finding().mend, "chmod 0660 /dev/shm/shm0");
    }
}

TEST_F(RegionDiagnosis, FindsAModeThatItWasNotMadeWith) {
    region().made_mode = 0664;
    region().facts.mode = S_IFREG | 0664;
    EXPECT_THAT(findings(), IsEmpty());
    region().facts.mode = S_IFREG | 0660;
    EXPECT_EQ(finding().kind, FindingKind::region_mode);
    EXPECT_EQ(finding().mend, "chmod 0664 /dev/shm/shm0");
    region().made_mode = 0600;
    region().facts.mode = S_IFREG | 0600;
    EXPECT_THAT(findings(), IsEmpty());
}

TEST_F(RegionDiagnosis, FindsAModeThatKeepsQemusOut) {
    for (const mode_t mode : {0600u, 0640u, 0440u, 0u}) {
        region().facts.mode = S_IFREG | mode;
        EXPECT_EQ(finding().kind, FindingKind::region_mode) << mode;
        EXPECT_EQ(finding().severity, FindingSeverity::problem) << mode;
        EXPECT_EQ(finding().mend, "chmod 0660 /dev/shm/shm0");
    }
}

TEST_F(RegionDiagnosis, FindsAnyOtherModeOfWhatTheDaemonMade) {
    region().facts.mode = S_IFREG | 0664;
    EXPECT_EQ(finding().kind, FindingKind::region_mode);
    EXPECT_EQ(finding().severity, FindingSeverity::warning);
    region().created_by_us = false;
    EXPECT_THAT(findings(), IsEmpty()) << "how others make theirs is their affair";
}

TEST_F(RegionDiagnosis, FindsARegionThatWasTruncated) {
    region().facts.size = 4096;
    EXPECT_EQ(finding().kind, FindingKind::region_size);
    EXPECT_EQ(finding().severity, FindingSeverity::problem);
    EXPECT_THAT(finding().text, AllOf(HasSubstr("4K"), HasSubstr("web/shm0 maps it up to 1M")));
    EXPECT_EQ(finding().mend, "fallocate -l 1048576 /dev/shm/shm0");
}

TEST_F(RegionDiagnosis, FindsARegionThatWasMadeLarger) {
    region().facts.size = 3 * megabyte;
    EXPECT_EQ(finding().kind, FindingKind::region_size);
    EXPECT_EQ(finding().severity, FindingSeverity::warning);
    EXPECT_THAT(finding().mend, HasSubstr("use another region")) << "3M is no size of a device";
    region().facts.size = 2 * megabyte;
    EXPECT_THAT(finding().mend, HasSubstr("attach them with --size 2M"));
}

// Whoever maps what would be cut off dies of it, and nobody knows who that is.
TEST_F(RegionDiagnosis, NeverAdvisesToMakeAFileSmaller) {
    for (const std::uint64_t size : {megabyte / 2, 2 * megabyte, 3 * megabyte}) {
        region().facts.size = size;
        for (const std::uint64_t offset : {std::uint64_t{0}, megabyte}) {
            region().users[0].memory.offset = offset;
            for (const Finding& each : findings()) {
                EXPECT_THAT(each.mend, Not(HasSubstr("truncate"))) << size;
            }
        }
    }
}

TEST_F(RegionDiagnosis, SaysNothingOfTheSizeOfAFileThatIsDivided) {
    region().facts.size = 2 * megabyte;
    region().users[0].memory.offset = megabyte;
    EXPECT_THAT(findings(), IsEmpty());
    region().facts.size = 4 * megabyte;
    EXPECT_THAT(findings(), IsEmpty());
    region().facts.size = megabyte;
    EXPECT_THAT(finding().text, HasSubstr("web/shm0 maps it up to 2M"));
    EXPECT_EQ(finding().mend, "fallocate -l 2097152 /dev/shm/shm0");
    region().facts.size = 4 * megabyte;
    region().users[0].memory.offset = 0;
    region().other_memory = {"db/ram0"};
    EXPECT_THAT(findings(), IsEmpty());
}

TEST_F(RegionDiagnosis, FindsWhatIsNotReserved) {
    region().reserved = megabyte;
    EXPECT_THAT(findings(), IsEmpty());
    region().reserved = 4096;
    EXPECT_EQ(finding().kind, FindingKind::region_sparse);
    EXPECT_THAT(finding().text, HasSubstr("1020K are not reserved"));
    EXPECT_THAT(finding().mend, HasSubstr("fallocate -l 1048576 /dev/shm/shm0"));
}

TEST_F(RegionDiagnosis, FindsTwoMastersOfTheSameBytesAlone) {
    add_user(megabyte, 500);
    for (VmFacts& vm : host_.vms) vm.devices[0].device.spec.role = Role::master;
    region().facts.size = 2 * megabyte;
    region().users[0].memory = whole_file({1, 10}, megabyte);
    region().users[1].memory = whole_file({1, 10}, megabyte);
    region().users[1].memory.offset = megabyte;
    EXPECT_THAT(findings(), IsEmpty());
    region().users[1].memory.offset = megabyte / 2;
    EXPECT_EQ(finding().kind, FindingKind::two_masters);
}

TEST_F(RegionDiagnosis, NeverAdvisesToTakeMemoryFromADevice) {
    add_user(4 * megabyte, 500);
    region().facts.size = 4 * megabyte;
    EXPECT_EQ(finding().kind, FindingKind::region_size);
    EXPECT_EQ(finding().severity, FindingSeverity::warning);
    EXPECT_THAT(finding().text, AllOf(HasSubstr("web/shm0 (1M)"), Not(HasSubstr("db/mine"))));
    EXPECT_THAT(finding().mend, AllOf(HasSubstr("--size 4M"), Not(HasSubstr("truncate"))));
    region().facts.size = 8 * megabyte;
    EXPECT_THAT(finding().mend, HasSubstr("--size 8M"));
    region().facts.size = 2 * megabyte;
    EXPECT_THAT(finding().mend, HasSubstr("fallocate -l 4194304"));
}

TEST_F(RegionDiagnosis, ComparesItsSizeWithThoseWhoMapItAlone) {
    region().facts.size = 4096;
    for (const PathMatch match : {PathMatch::replaced, PathMatch::elsewhere}) {
        host_.vms[0].devices[0].match = match;
        EXPECT_EQ(finding().kind, FindingKind::region_split);
    }
    host_.vms[0].devices[0].match = PathMatch::same;
    host_.vms[0].devices[0].device.state = DeviceState::leaked;
    EXPECT_EQ(finding().kind, FindingKind::backend_leaked);
}

TEST_F(RegionDiagnosis, FindsARegionThatNobodyUses) {
    host_.vms[0].devices.clear();
    region().users.clear();
    EXPECT_EQ(finding().kind, FindingKind::region_unused);
    EXPECT_EQ(finding().severity, FindingSeverity::note);
    EXPECT_EQ(finding().region, "shm0");
    EXPECT_THAT(finding().text, Not(HasSubstr("unless")));
    EXPECT_THAT(finding().mend, Not(HasSubstr("rm "))) << "somebody may have it open";
    EXPECT_THAT(finding().mend, HasSubstr("ivshmemctl region remove shm0,"));
    region().open = true;
    EXPECT_THAT(finding().text, HasSubstr("some process has it open"));
    EXPECT_THAT(finding().mend, Not(HasSubstr("rm ")));
    region().open = false;
    EXPECT_THAT(finding().text, Not(HasSubstr("open")));
    region().created_by_us = false;
    EXPECT_THAT(findings(), IsEmpty());
}

TEST_F(RegionDiagnosis, NamesTheVmsThatMayUseARegionAndDoNotAnswer) {
    region().users.clear();
    host_.vms.push_back(healthy_vm("away"));
    host_.vms[1].state = VmState::connecting;
    const std::vector<Finding> found = findings();
    ASSERT_EQ(found.size(), 2U);
    EXPECT_EQ(found[0].kind, FindingKind::vm_unreachable);
    EXPECT_THAT(found[1].text,
                HasSubstr("unless one of these VMs does, which do not answer: away"));
}

TEST_F(RegionDiagnosis, KeepsARegionWhoseDeviceIsYetToCome) {
    region().users.clear();
    host_.awaited = {"/dev/shm/shm0"};
    EXPECT_THAT(findings(), IsEmpty());
}

TEST_F(RegionDiagnosis, DoesNotJudgeWhatIsNoFile) {
    region().facts = {true, S_IFDIR | 01777, 1000, 40};
    EXPECT_THAT(findings(), IsEmpty());
    region().facts = {true, S_IFLNK | 0777, 1000, 9};
    EXPECT_THAT(findings(), IsEmpty());
    region().facts = {};
    EXPECT_THAT(findings(), IsEmpty());
}

TEST_F(RegionDiagnosis, QuotesPathsInCommands) {
    region().path = "/dev/shm/it's mine";
    region().facts.mode = S_IFREG | 0666;
    EXPECT_EQ(finding().mend, "chmod 0660 '/dev/shm/it'\\''s mine'");
}

}  // namespace
}  // namespace ivshmemd::test
