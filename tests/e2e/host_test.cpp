#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "tests/e2e/hotplug_test.h"
#include "tests/support/json_text.h"

// What befalls the host: a second daemon by mistake, and a boot.

namespace ivshmemd::test {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using nlohmann::json;
using testing::HasSubstr;

constexpr auto longest_pause = 2s;  // between two attempts to connect

class TwoDaemons : public HotplugTest {
  protected:
    DaemonOptions options(const QemuVm& vm) {
        return {.vms = {{vm.name(), vm.qmp_socket()}}, .region_dir = regions_.path()};
    }
};

TEST_F(TwoDaemons, OnOneMonitorDoNotServeItTogether) {
    QemuVm vm(dir_.path(), {});
    start_daemon({&vm});
    expect_ctl_success(*daemon_, {"attach", "vm0", "shm0", "--size", "1M"});
    DaemonProcess other(options(vm));
    ASSERT_TRUE(other.wait_vm_state("vm0", "busy", soon()));
    expect_ctl_error(other, {"attach", "vm0", "shm1", "--size", "1M"}, 5, "VmUnavailable");
    expect_ctl_success(*daemon_, {"attach", "vm0", "shm1", "--size", "1M"});
    const json devices(list_devices(*daemon_, "vm0"));
    const json state(machine_state(vm));

    daemon_->kill();
    const auto killed = Clock::now();
    ASSERT_TRUE(other.wait_vm_state("vm0", "connected", soon()));
    EXPECT_LT(Clock::now() - killed, longest_pause);
    json seen(list_devices(other, "vm0"));
    EXPECT_EQ(seen, devices);
    EXPECT_EQ(machine_state(vm), state);
    daemon_->start();
    EXPECT_TRUE(daemon_->wait_vm_state("vm0", "busy", soon()));
    EXPECT_EQ(machine_state(vm), state);
    EXPECT_TRUE(vm.alive());
}

TEST_F(TwoDaemons, DoNotShareAStateDirectory) {
    QemuVm vm(dir_.path(), {});
    start_daemon({&vm});
    const RunResult second =
        run({{IVSHMEMD_BIN_DIR "/ivshmemd", "--socket", dir_ / "second.sock", "--region-dir",
              regions_.path(), "--state-dir", daemon_->state_dir()},
             {},
             {},
             {}});
    EXPECT_EQ(second.exit_code, 1) << second.err;
    EXPECT_THAT(second.err, HasSubstr("another ivshmemd uses the state directory"));
    EXPECT_FALSE(std::filesystem::exists(dir_ / "second.sock"));
    expect_ctl_success(*daemon_, {"attach", "vm0", "shm0", "--size", "1M"});
}

class Reboot : public HotplugTest {};

// Gone are all processes and what was in /run and /dev/shm; the state directory is still there,
// with what it says of machines that do not run any more.
TEST_F(Reboot, LeavesNothingOfBeforeToBeDone) {
    auto vm = std::make_optional<QemuVm>(dir_.path(), VmOptions{});
    start_daemon({&*vm});
    expect_ctl_success(*daemon_, {"attach", "vm0", "kept", "--size", "1M"});
    expect_ctl_success(*daemon_, {"attach", "vm0", "going", "--size", "1M"});
    const Child detach(start_detach("vm0", "going", {"--remove-region"}));
    daemon_->kill();
    vm->kill();
    std::filesystem::remove(daemon_->socket());
    for (const std::string& name : files_in(regions_.path())) {
        std::filesystem::remove(region_file(name));
    }

    // Its manager starts the machine with a device of the name that was to be removed.
    make_file(region_file("going"), 1 << 20);
    vm.emplace(dir_.path(),
               VmOptions{.extra = {"-object",
                                   "memory-backend-file,id=ivshmemd.going.mem,size=1M,share=on,"
                                   "mem-path=" +
                                       region_file("going").string(),
                                   "-device",
                                   "ivshmem-plain,id=ivshmemd.going,memdev=ivshmemd.going.mem,"
                                   "master=off,bus=pci.0,addr=10"}});
    const std::set<std::string> objects = qom_names(*vm);
    daemon_->start();
    wait_connected("vm0");
    const json devices(list_devices(*daemon_, "vm0"));
    ASSERT_EQ(devices.size(), 1u) << devices;
    EXPECT_EQ(member(devices[0], "name"), "going");
    EXPECT_EQ(member(devices[0], "state"), "attached");
    EXPECT_EQ(qom_names(*vm), objects);
    EXPECT_EQ(files_in(regions_.path()), std::set<std::string>{"going"});
    expect_ctl_success(*daemon_, {"attach", "vm0", "kept", "--size", "1M"});
    Child again(start_detach("vm0", "going", {"--remove-region"}));
    EXPECT_EQ(reset_until_exit(*vm, again), 0) << again.err();
    EXPECT_THAT(again.out(), HasSubstr("it was not made by ivshmemd"));
    EXPECT_EQ(files_in(regions_.path()), (std::set<std::string>{"going", "kept"})) << again.out();
    EXPECT_EQ(list_devices(*daemon_, "vm0").size(), 1u);
}

}  // namespace
}  // namespace ivshmemd::test
