#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/e2e/machine.h"
#include "tests/support/varlink_client.h"

// PCI Express hotplug by the guest alone: seconds, and an indicator that blinks.

namespace ivshmemd::test {
namespace {

using nlohmann::json;

class NativePort : public MachineTest {
  protected:
    enum class Indicator { reserved, on, blinking, off };

    /// The power indicator of port rp0, out of its slot control register.
    static Indicator power_indicator(QemuVm& vm) {
        constexpr uint64_t config_space = 0xb0000000 + (1 << 15), slot_control = 0x54 + 0x18;
        std::ostringstream command;
        command << "xp /1xh 0x" << std::hex << config_space + slot_control;
        const json text(vm.spy().call("human-monitor-command", {{"command-line", command.str()}}));
        const std::string line = text.get<std::string>();
        const auto value = std::stoul(line.substr(line.find(": ") + 2), nullptr, 16);
        return static_cast<Indicator>(value >> 8 & 3);
    }
};

TEST_P(NativePort, ThatBlinksIsAskedAgainLater) {
    QemuVm vm(dir_.path(), traced(machine({.root_ports = 1, .guest = true})));
    start_daemon({&vm});
    vm.wait_guest_ready();
    VarlinkClient client(daemon_->socket());
    client.send("io.ivshmemd.Hotplug.Attach", {{"vm", "vm0"}, {"name", "a"}, {"size", 4096}});
    const Deadline deadline = soon();
    while (power_indicator(vm) != Indicator::blinking) ASSERT_FALSE(deadline.passed());
    vm.pause();
    ASSERT_EQ(power_indicator(vm), Indicator::blinking);
    EXPECT_EQ(error_of(client.next_reply()), "");

    // QEMU refuses such a removal and forgets it; the daemon must not.
    EXPECT_EQ(run_ctl(*daemon_, {"detach", "vm0", "a", "--timeout", "0.5"}).exit_code, 7);
    // An old one never asks again, so it is not asked while it would lose the request.
    const bool old = has_old_native_ports();
    EXPECT_EQ(times_heard(vm, "device_del"), old ? 0 : 1);
    vm.resume();
    EXPECT_TRUE(eventually(boot_deadline(), [&] { return qom_names(vm).empty(); }));
    // The guest of an old one may have switched the port off by itself meanwhile.
    if (!old) {
        EXPECT_GE(times_heard(vm, "device_del"), 2);
    }
    EXPECT_TRUE(wait_no_devices("vm0")) << list_devices(*daemon_, "vm0");
    EXPECT_EQ(vm.guest("shm list").output, "");
}

INSTANTIATE_TEST_SUITE_P(, NativePort, testing::Values(all_machines().back()), machine_name);

}  // namespace
}  // namespace ivshmemd::test
