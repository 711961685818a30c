#include <nlohmann/json.hpp>
#include <thread>

#include "tests/e2e/machine.h"
#include "tests/support/exhaustive.h"
#include "tests/support/json_text.h"

// A slot that is used again as soon as its device has left.

namespace ivshmemd::test {
namespace {

using nlohmann::json;

// Before a removal nothing else may have happened to the machine for so long.
constexpr std::chrono::milliseconds calm{1100};

class SameSlot : public MachineTest {
  protected:
    /// Its guest has other things to do, and is late with all. To a QEMU that waits for an idle
    /// guest nothing would be attached then; see BusyGuest.
    static void keep_busy(QemuVm& vm) {
        if (vm.spy().version() < 7002) return;
        EXPECT_EQ(vm.guest("for i in 1 2 3; do (while :; do :; done) & done").status, 0);
    }

    /// Where it is, as options of attach.
    std::vector<std::string> place_of(const std::string& name) {
        const json device(find_device(*daemon_, "vm0", name));
        return {"--bus", device.value("bus", ""), "--slot", device.value("slot", json()).dump()};
    }
};

// A guest that had a second request in store for the slot would throw the newcomer out within
// fractions of a second: 0.10 to 0.24 of them were seen.
TEST_P(SameSlot, KeepsANewcomerAfterAPromptRemovalInCalm) {
    QemuVm vm(dir_.path(), machine({.guest = true}));
    start_daemon({&vm});
    vm.wait_guest_ready();
    expect_ctl_success(*daemon_, {"attach", "vm0", "shm0", "--size", "1M"});
    ASSERT_TRUE(wait_mapped(vm, "shm0"));
    std::vector<std::string> again = place_of("shm0");
    again.insert(again.begin(), {"attach", "vm0", "shm0", "--size", "1M"});
    keep_busy(vm);
    const int cycles = exhaustive() ? 100 : 2;
    for (int cycle = 0; cycle < cycles; ++cycle) {
        SCOPED_TRACE(cycle);
        // What is to pass is time in which nothing happens.
        std::this_thread::sleep_for(calm);
        const json there(find_device(*daemon_, "vm0", "shm0"));
        ASSERT_EQ(member(there, "state"), "attached");
        detach("vm0", "shm0");
        expect_ctl_success(*daemon_, again);
        ASSERT_TRUE(wait_mapped(vm, "shm0"));
    }
    EXPECT_TRUE(vm.alive());
}

INSTANTIATE_TEST_SUITE_P(, SameSlot, testing::ValuesIn(acpi_machines()), machine_name);

}  // namespace
}  // namespace ivshmemd::test
