#include <nlohmann/json.hpp>

#include "tests/e2e/machine.h"
#include "tests/support/json_text.h"

// Machines that die, and their successors.

namespace ivshmemd::test {
namespace {

using nlohmann::json;

class KilledMachine : public MachineTest {
  protected:
    void attach(const std::string& vm, const std::string& name) {
        const json reply(expect_ctl_success(*daemon_, {"attach", vm, name, "--size", "1M"}));
        EXPECT_EQ(member(reply, "changed"), true);
    }
};

TEST_P(KilledMachine, IsUnreachableUntilANewOneIsThere) {
    std::optional<QemuVm> vm;
    vm.emplace(dir_.path(), machine());
    start_daemon({&*vm});
    attach("vm0", "shm0");
    vm->kill();
    ASSERT_TRUE(daemon_->wait_vm_state("vm0", "unreachable", soon())) << find_vm(*daemon_, "vm0");
    EXPECT_NE(find_vm(*daemon_, "vm0").value("lastError", ""), "");
    EXPECT_EQ(member(find_vm(*daemon_, "vm0"), "pid"), nullptr);
    const json listed(expect_ctl_success(*daemon_, {"list", "vm0"}));
    ASSERT_EQ(listed["devices"].size(), 1u) << listed;
    EXPECT_EQ(member(listed["devices"][0], "stale"), true);
    EXPECT_EQ(member(listed["devices"][0], "name"), "shm0");
    for (const std::vector<std::string>& arguments :
         {std::vector<std::string>{"attach", "vm0", "b", "--size", "1M"},
          std::vector<std::string>{"detach", "vm0", "shm0"},
          std::vector<std::string>{"probe", "vm0"}}) {
        const json error(expect_ctl_error(*daemon_, arguments, 5, "VmUnavailable"));
        EXPECT_EQ(member(error, "state"), "unreachable");
    }
    EXPECT_EQ(files_in(regions_.path()), std::set<std::string>{"shm0"});

    // Another machine on the same path: it has no device, and nothing of the old one is believed.
    vm.emplace(dir_.path(), machine());
    wait_connected("vm0");
    EXPECT_EQ(list_devices(*daemon_, "vm0"), json::array());
    attach("vm0", "shm0");
    EXPECT_EQ(member(find_device(*daemon_, "vm0", "shm0"), "stale"), false);
    EXPECT_EQ(qom_names(*vm), std::set<std::string>{"ivshmemd.shm0.mem"});
}

INSTANTIATE_TEST_SUITE_P(, KilledMachine, testing::ValuesIn(all_machines()), machine_name);

}  // namespace
}  // namespace ivshmemd::test
