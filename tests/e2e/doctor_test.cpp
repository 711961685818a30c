#include <gmock/gmock.h>
#include <signal.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "tests/e2e/doctor_fixture.h"
#include "tests/support/json_text.h"
#include "tests/support/root.h"

// Faults planted in machines and on the host: each is found, and mended by what its finding says.

namespace ivshmemd::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr uid_t outsider = 61004;

/// A device of region r.
class DoctorOfRegions : public DoctorOfAPausedMachine {
  protected:
    void SetUp() override {
        DoctorOfAPausedMachine::SetUp();
        if (IsSkipped() || HasFatalFailure()) return;
        attach("shm0", {"--region", "r"});
        ASSERT_THAT(summary(), IsEmpty());
    }
};

TEST_F(DoctorOfRegions, FindsAWrongMode) {
    for (const int mode : {0666, 0600, 0664}) {
        fs::permissions(region_file("r"), fs::perms(mode));
        const json found(finding("regionMode"));
        EXPECT_EQ(found["region"], "r");
        EXPECT_EQ(found["severity"], mode == 0664 ? "warning" : "problem");
        mend(found);
        EXPECT_THAT(summary(), IsEmpty()) << std::oct << mode;
    }
}

TEST_F(DoctorOfRegions, FindsAWrongOwner) {
    if (lacks_root("only root can give files away")) return;
    ASSERT_EQ(::chown(region_file("r").c_str(), outsider, outsider), 0);
    const json found(finding("regionOwner"));
    EXPECT_THAT(found["text"], HasSubstr(std::to_string(outsider)));
    mend(found);
    EXPECT_THAT(summary(), IsEmpty());
}

TEST_F(DoctorOfRegions, FindsAWrongSize) {
    for (const std::uintmax_t size : {4096, 0}) {
        fs::resize_file(region_file("r"), size);
        mend(finding("regionSize"));
        EXPECT_EQ(fs::file_size(region_file("r")), 1u << 20);
        EXPECT_THAT(summary(), IsEmpty()) << size;
    }
}

TEST_F(DoctorOfRegions, NeverHasOneMadeSmaller) {
    mend({{"mend", "fallocate -l 2097152 " + region_file("r").string()}});
    EXPECT_THAT(finding("regionSize")["mend"],
                HasSubstr("detach its devices and attach them with --size 2M"));
    vm_->resume();  // before its first start nothing leaves
    detach_by_reset(*vm_, "shm0");
    vm_->pause();
    expect_ctl_success(*daemon_, {"attach", "vm0", "shm0", "--region", "r", "--size", "2M"});
    EXPECT_THAT(summary(), IsEmpty());
    EXPECT_TRUE(vm_->alive());
}

TEST_F(DoctorOfRegions, FindsOneThatIsNotReserved) {
    fs::resize_file(region_file("r"), 0);  // no guest runs that could touch it
    fs::resize_file(region_file("r"), 1 << 20);
    const json found(finding("regionSparse"));
    EXPECT_THAT(found["text"], HasSubstr("1M are not reserved"));
    mend(found);
    EXPECT_THAT(summary(), IsEmpty());
    EXPECT_TRUE(vm_->alive());
}

TEST_F(DoctorOfRegions, FindsOneThatNobodyUses) {
    vm_->kill();
    ASSERT_TRUE(daemon_->wait_vm_state("vm0", "unreachable", soon()));
    const json found(findings());
    EXPECT_THAT(summary(found), ElementsAre("vmUnreachable vm0", "regionUnused"));
    EXPECT_EQ(found[1]["region"], "r");
    EXPECT_THAT(found[1]["text"], Not(HasSubstr("unless"))) << "the kernel knows";
    EXPECT_THAT(summary(findings({"vm0"})), ElementsAre("vmUnreachable vm0"));
    mend(found[1], "ivshmemctl");
    EXPECT_THAT(summary(), ElementsAre("vmUnreachable vm0"));
}

TEST_F(Doctor, FindsRegionsThatWereReplacedOrRemovedUnderTheirQemu) {
    QemuVm vm(dir_.path(), {.name = "vm0", .guest = true});
    vm.wait_guest_ready();
    start_daemon({&vm});
    attach("shm0", {"--region", "r"});
    ASSERT_TRUE(eventually(boot_deadline(), [&] { return summary().empty(); }))
        << "the guest maps it";

    fs::remove(region_file("r"));
    make_file(region_file("r"), 1 << 20);
    const json split(finding("regionSplit"));
    EXPECT_EQ(split["device"], "shm0");
    EXPECT_THAT(split["text"], HasSubstr("has been replaced"));
    mend(split);
    EXPECT_TRUE(eventually(boot_deadline(), [&] { return summary().empty(); })) << findings();

    fs::remove(region_file("r"));
    mend(finding("regionMissing"), "ivshmemctl");
    EXPECT_TRUE(eventually(boot_deadline(), [&] { return summary().empty(); })) << findings();
    EXPECT_EQ(fs::file_size(region_file("r")), 1u << 20);
}

TEST_F(Doctor, FindsAQemuInAnotherMountNamespace) {
    if (lacks_root("only root can mount")) return;
    const std::string hide =
        "mount -t tmpfs none " + regions_.path().string() + " && exec \"$0\" \"$@\"";
    QemuVm vm(
        dir_.path(),
        {.name = "vm0", .paused = true, .launcher = {"unshare", "--mount", "sh", "-c", hide}});
    make_file(region_file("theirs-memory"), 1 << 20);
    add_foreign_device(vm, "theirs");
    start_daemon({&vm});
    const json found(finding("regionSplit"));
    EXPECT_EQ(found["device"], "theirs");
    EXPECT_THAT(found["text"], HasSubstr("it sees other mounts"));
    EXPECT_THAT(found["mend"], HasSubstr("let the QEMU see " + regions_.path().string()));
}

TEST_F(Doctor, FindsAMonitorThatSomebodyElseHolds) {
    QemuVm vm(dir_.path(), {.name = "vm0"});
    auto holder = std::make_optional<QmpClient>(vm.qmp_socket(), soon());
    daemon_.emplace(
        DaemonOptions{.vms = {{"vm0", vm.qmp_socket()}}, .region_dir = regions_.path()});
    ASSERT_TRUE(daemon_->wait_vm_state("vm0", "busy", soon()));
    const json found(finding("monitorHeld"));
    EXPECT_EQ(found["vm"], "vm0");
    EXPECT_THAT(found["mend"], HasSubstr(vm.qmp_socket().string()));
    holder.reset();
    wait_connected("vm0");
    EXPECT_THAT(summary(), IsEmpty());
}

TEST_F(Doctor, FindsAStoppedQemu) {
    QemuVm vm(dir_.path(), {.name = "vm0"});
    start_daemon({&vm});
    vm.signal(SIGSTOP);
    ASSERT_TRUE(eventually(soon(), [&] { return !summary().empty(); }));
    const json found(finding("vmUnresponsive"));
    EXPECT_THAT(found["mend"], HasSubstr("kill -CONT " + std::to_string(vm.pid())));
    mend(found, "kill");
    wait_connected("vm0");
    EXPECT_THAT(summary(), IsEmpty());
}

TEST_F(Doctor, FindsADeviceThatTheGuestDidNotMap) {
    QemuVm vm(dir_.path(), {.name = "vm0"});  // its firmware looks for devices at boot alone
    start_daemon({&vm});
    attach("shm0");
    const json found(finding("neverMapped"));
    EXPECT_EQ(found["device"], "shm0");
    EXPECT_THAT(found["mend"], HasSubstr("/sys/bus/pci/rescan"));
    reset_machine(vm);
    EXPECT_TRUE(eventually(soon(), [&] { return summary().empty(); })) << findings();
}

TEST_F(Doctor, TellsHowToAddASlotWhereNoneIsFree) {
    VmOptions options{.name = "vm0", .machine = "q35", .root_ports = 1, .paused = true};
    std::optional<QemuVm> vm;
    vm.emplace(dir_.path(), options);
    start_daemon({&*vm});
    EXPECT_THAT(summary(), ElementsAre("fewFreeSlots vm0", "smallWindow vm0"));
    attach("shm0");
    const std::string advice = finding("noFreeSlot")["mend"];
    const std::string port = "pcie-root-port,id=shm1,chassis=101,slot=101,pref64-reserve=128M";
    EXPECT_THAT(advice, testing::EndsWith(": -device " + port));

    vm.reset();
    options.extra = {"-device", port};
    vm.emplace(dir_.path(), options);
    wait_connected("vm0");
    expect_ctl_success(*daemon_, {"attach", "vm0", "large", "--size", "64M"});
    EXPECT_EQ(member(find_device(*daemon_, "vm0", "large"), "bus"), "shm1");
}

TEST_F(Doctor, SpeaksToPeople) {
    QemuVm vm(dir_.path(), {.name = "vm0", .paused = true});
    start_daemon({&vm});
    EXPECT_EQ(daemon_->ctl_text({"doctor"}).out, "Nothing is wrong.\n");
    attach("shm0");
    fs::permissions(region_file("shm0"), fs::perms(0666));
    const CtlResult result = daemon_->ctl_text({"doctor", "vm0"});
    EXPECT_EQ(result.exit_code, 1);
    EXPECT_THAT(result.out, HasSubstr("problem: region shm0: " + region_file("shm0").string()));
    EXPECT_THAT(result.out, HasSubstr("  mend: chmod 0660 " + region_file("shm0").string() + "\n"));
    EXPECT_THAT(result.out, HasSubstr("1 problem, 0 warnings, 0 notes.\n"));
    expect_ctl_error(*daemon_, {"doctor", "nobody"}, 3, "NoSuchVm");
}

}  // namespace
}  // namespace ivshmemd::test
