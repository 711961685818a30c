#include <nlohmann/json.hpp>

#include "tests/e2e/machine.h"
#include "tests/support/json_text.h"

// A guest that always has something to do.

namespace ivshmemd::test {
namespace {

using nlohmann::json;

class BusyGuest : public MachineTest {};

// Up to 7.1 and without KVM QEMU would stand still until it has not.
TEST_P(BusyGuest, GetsADeviceOnlyWhereItsMachineGoesOn) {
    QemuVm vm(dir_.path(), machine({.guest = true}));
    start_daemon({&vm});
    vm.wait_guest_ready();
    const json before(machine_state(vm));
    const std::string hog = "(while :; do :; done) & echo $! > /tmp/hog";
    ASSERT_EQ(vm.guest(hog).status, 0);
    const std::vector<std::string> attach{"attach", "vm0", "shm0", "--size", "1M"};
    if (vm.spy().version() < 7002) {
        const json refused(expect_ctl_error(*daemon_, attach, 9, "ConfigUnsupported"));
        EXPECT_EQ(member(refused, "reason"), "busy guest");
        EXPECT_EQ(machine_state(vm), before);
        EXPECT_EQ(files_in(regions_.path()), std::set<std::string>{});
        ASSERT_EQ(vm.guest("kill $(cat /tmp/hog)").status, 0);
    }
    expect_ctl_success(*daemon_, attach);
    EXPECT_TRUE(wait_mapped(vm, "shm0"));
}

INSTANTIATE_TEST_SUITE_P(, BusyGuest, testing::Values(all_machines().front()), machine_name);

}  // namespace
}  // namespace ivshmemd::test
