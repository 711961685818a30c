#include <signal.h>

#include <chrono>
#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/e2e/hotplug_test.h"
#include "tests/support/json_text.h"

// Machines that come, go, die and belong to somebody else.

namespace ivshmemd::test {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using Clock = std::chrono::steady_clock;

class Monitor : public HotplugTest {
  protected:
    void attach(const std::string& vm, const std::string& name) {
        const json reply(expect_ctl_success(*daemon_, {"attach", vm, name, "--size", "1M"}));
        EXPECT_EQ(member(reply, "changed"), true);
    }
};

TEST_F(Monitor, ShowsWhatTheMachineIs) {
    QemuVm vm(dir_.path(), {});
    start_daemon({&vm});
    const json row(find_vm(*daemon_, "vm0"));
    EXPECT_EQ(member(row, "state"), "connected");
    EXPECT_EQ(member(row, "qmpSocket"), vm.qmp_socket().string());
    EXPECT_EQ(member(row, "runState"), "running");
    EXPECT_EQ(member(row, "pid"), vm.pid());
    EXPECT_EQ(member(row, "deviceCount"), 0);
    EXPECT_EQ(member(row, "lastError"), nullptr);
    EXPECT_TRUE(row.value("machineType", "").starts_with("pc-i440fx-")) << row;
    const std::string version = row.value("qemuVersion", "");
    EXPECT_EQ(1000 * std::stoi(version) + std::stoi(version.substr(version.find('.') + 1)),
              vm.version());
    attach("vm0", "shm0");
    EXPECT_EQ(member(find_vm(*daemon_, "vm0"), "deviceCount"), 1);
    vm.pause();
    EXPECT_TRUE(eventually(
        soon(), [&] { return member(find_vm(*daemon_, "vm0"), "runState") == "paused"; }));
}

TEST_F(Monitor, OfAQemuWithoutAMachineIsConnectedToOnceItHasOne) {
    if (QemuVm::installed_version() < 5002) GTEST_SKIP() << "tried from 5.2 on";
    QemuVm vm(dir_.path(), {.paused = true, .extra = {"-preconfig"}});
    daemon_.emplace(
        DaemonOptions{.vms = {{"vm0", vm.qmp_socket()}}, .region_dir = regions_.path()});
    ASSERT_TRUE(eventually(soon(), [&] {
        return member(find_vm(*daemon_, "vm0"), "runState") == "preconfig";
    })) << find_vm(*daemon_, "vm0");
    EXPECT_EQ(member(find_vm(*daemon_, "vm0"), "state"), "connecting");
    const json error(
        expect_ctl_error(*daemon_, {"attach", "vm0", "shm0", "--size", "1M"}, 5, "VmUnavailable"));
    EXPECT_EQ(member(error, "state"), "preconfig");
    EXPECT_NE(error.value("message", "").find("x-exit-preconfig"), std::string::npos) << error;
    vm.spy().call("x-exit-preconfig");
    ASSERT_TRUE(daemon_->wait_vm_state("vm0", "connected", soon())) << find_vm(*daemon_, "vm0");
    attach("vm0", "shm0");
}

TEST_F(Monitor, HeldByAnotherClientIsBusyUntilReleased) {
    QemuVm vm(dir_.path(), {});
    auto holder = std::make_optional<QmpClient>(vm.qmp_socket(), soon());
    daemon_.emplace(
        DaemonOptions{.vms = {{"vm0", vm.qmp_socket()}}, .region_dir = regions_.path()});
    ASSERT_TRUE(daemon_->wait_vm_state("vm0", "busy", soon())) << find_vm(*daemon_, "vm0");
    EXPECT_NE(find_vm(*daemon_, "vm0").value("lastError", ""), "");
    const json error(
        expect_ctl_error(*daemon_, {"attach", "vm0", "shm0", "--size", "1M"}, 5, "VmUnavailable"));
    EXPECT_EQ(member(error, "state"), "busy");
    EXPECT_EQ(holder->call("query-status")["status"], "running") << "the holder is left alone";
    holder.reset();
    const auto released = Clock::now();
    ASSERT_TRUE(daemon_->wait_vm_state("vm0", "connected", soon()));
    EXPECT_LT(Clock::now() - released, 2s) << "the connection was kept queued";
    attach("vm0", "shm0");
}

TEST_F(Monitor, OfAStoppedMachineIsUnresponsiveUntilItAnswers) {
    QemuVm vm(dir_.path(), {});
    start_daemon({&vm});
    attach("vm0", "shm0");
    vm.signal(SIGSTOP);
    // Reads never wait for QEMU.
    const auto start = Clock::now();
    EXPECT_EQ(list_devices(*daemon_, "vm0").size(), 1u);
    EXPECT_LT(Clock::now() - start, 1s);
    vm.signal(SIGCONT);
    EXPECT_EQ(member(find_device(*daemon_, "vm0", "shm0"), "state"), "attached");
    detach_by_reset(vm, "shm0");
}

TEST_F(Monitor, ChangesAndTheEndDoNotWaitForTheServiceManager) {
    QemuVm vm(dir_.path(), {});
    start_daemon({&vm});
    // Its queue takes ten messages, and here nobody reads them.
    for (int i = 0; i < 15; ++i) {
        const std::string name = "shm" + std::to_string(i);
        ASSERT_EQ(daemon_->ctl({"attach", "vm0", name, "--size", "4K"}).exit_code, 0) << name;
    }
    EXPECT_EQ(daemon_->stop(), 0);
}

TEST_F(Monitor, InTheWatchedDirectoryComesAndGoesWithItsFile) {
    start_daemon({}, {.vm_dir = dir_.path()});
    EXPECT_EQ(find_vm(*daemon_, "vm0"), nullptr);
    std::ofstream(dir_ / "not a name.qmp").close();
    std::ofstream(dir_ / "-dash.qmp").close();
    std::ofstream(dir_ / "other.sock").close();

    QemuVm vm(dir_.path(), {});
    ASSERT_TRUE(daemon_->wait_vm_state("vm0", "connected", soon()));
    attach("vm0", "shm0");
    const json reply(call_api(*daemon_, "ListVms", json::object()));
    EXPECT_EQ(reply["parameters"]["vms"].size(), 1u) << reply;

    std::filesystem::remove(vm.qmp_socket());
    EXPECT_TRUE(eventually(soon(), [&] { return find_vm(*daemon_, "vm0").is_null(); }));
    expect_ctl_error(*daemon_, {"list", "vm0"}, 3, "NoSuchVm");
    EXPECT_TRUE(vm.alive());
    EXPECT_EQ(qom_names(vm), std::set<std::string>{"ivshmemd.shm0.mem"}) << "it is left as it is";
}

TEST_F(Monitor, ThatWasThereBeforeTheDaemonIsFoundToo) {
    QemuVm first(dir_.path(), {.name = "a.b-1"});
    QemuVm second(dir_.path(), {.name = "9"});
    start_daemon({}, {.vm_dir = dir_.path()});
    wait_connected("a.b-1");
    wait_connected("9");
}

}  // namespace
}  // namespace ivshmemd::test
