#include <nlohmann/json.hpp>

#include "tests/e2e/machine.h"
#include "tests/support/json_text.h"

// Devices that come, or are asked to go, before there is a guest to see it.

namespace ivshmemd::test {
namespace {

using nlohmann::json;

class Boot : public MachineTest {
  protected:
    void expect_exchange(QemuVm& vm) {
        write_file(region_file("shm0"), 64, "from the host");
        EXPECT_EQ(vm.guest("shm read 64 13").output, "from the host");
        EXPECT_EQ(vm.guest("shm write 128 'from the guest'").status, 0);
        EXPECT_EQ(read_file(region_file("shm0"), 128, 14), "from the guest");
    }
};

TEST_P(Boot, FindsADeviceOfBeforeTheFirstStart) {
    QemuVm vm(dir_.path(), machine({.guest = true, .paused = true}));
    start_daemon({&vm});
    const json before(machine_state(vm));
    const json attached(expect_ctl_success(
        *daemon_, {"attach", "vm0", "shm0", "--size", "1M", "--role", "master"}));
    expect_members(attached["device"],
                   {{"bus", first_bus()}, {"role", "master"}, {"guestMapped", false}});
    vm.resume();
    vm.wait_guest_ready();
    ASSERT_TRUE(wait_mapped(vm, "shm0"));
    const json device(find_device(*daemon_, "vm0", "shm0"));
    EXPECT_EQ(member(device, "guestAddress"), guest_address(device));
    expect_exchange(vm);
    detach("vm0", "shm0", {"--remove-region"});
    EXPECT_EQ(machine_state(vm), before);
    EXPECT_EQ(files_in(regions_.path()), std::set<std::string>{});
}

// QEMU itself would lose the request for good, but for that of a port that no guest has switched
// on.
TEST_P(Boot, DoesNotLoseARemovalAskedForBeforeIt) {
    QemuVm vm(dir_.path(), machine({.guest = true, .paused = true}));
    start_daemon({&vm});
    const json before(machine_state(vm));
    expect_ctl_success(*daemon_, {"attach", "vm0", "shm0", "--size", "1M"});
    const CtlResult detach = run_ctl(*daemon_, {"detach", "vm0", "shm0", "--timeout", "1"});
    const bool at_once = GetParam().native && !has_old_native_ports();
    EXPECT_EQ(detach.exit_code, at_once ? 0 : 7) << detach.out << detach.err;
    if (!at_once) {
        EXPECT_EQ(member(find_device(*daemon_, "vm0", "shm0"), "state"), "detaching");
    }
    vm.resume();
    vm.wait_guest_ready();
    ASSERT_TRUE(eventually(boot_deadline(), [&] { return list_devices(*daemon_, "vm0").empty(); }));
    EXPECT_EQ(machine_state(vm), before);
}

TEST_P(Boot, DoesNotLoseARemovalAskedForWhileItRuns) {
    QemuVm vm(dir_.path(), machine({.guest = true}));
    start_daemon({&vm});
    const json before(machine_state(vm));
    // Neither the firmware nor the young kernel answers; the repeated request is answered, though
    // whoever asked has long gone.
    expect_ctl_success(*daemon_, {"attach", "vm0", "shm0", "--size", "1M"});
    run_ctl(*daemon_, {"detach", "vm0", "shm0", "--timeout", "1"});
    ASSERT_TRUE(eventually(boot_deadline(), [&] { return list_devices(*daemon_, "vm0").empty(); }));
    EXPECT_EQ(machine_state(vm), before);

    expect_ctl_success(*daemon_, {"attach", "vm0", "shm0", "--size", "1M"});
    vm.wait_guest_ready();
    ASSERT_TRUE(wait_mapped(vm, "shm0"));
    expect_exchange(vm);
    detach("vm0", "shm0");
    EXPECT_EQ(machine_state(vm), before);
    EXPECT_TRUE(vm.alive());
}

INSTANTIATE_TEST_SUITE_P(, Boot, testing::ValuesIn(all_machines()), machine_name);

}  // namespace
}  // namespace ivshmemd::test
