#include <chrono>
#include <nlohmann/json.hpp>

#include "tests/e2e/machine.h"
#include "tests/support/json_text.h"

// Removals that a guest would answer, if only its machine ran.

namespace ivshmemd::test {
namespace {

using nlohmann::json;

class PausedGuest : public MachineTest {
  protected:
    void SetUp() override {
        MachineTest::SetUp();
        if (IsSkipped() || HasFatalFailure()) return;
        vm_.emplace(dir_.path(), machine({.guest = true}));
        start_daemon({&*vm_});
        vm_->wait_guest_ready();
        before_ = machine_state(*vm_);
    }

    /// A device the guest has taken, in a machine that is paused then.
    void attach_and_pause() {
        expect_ctl_success(*daemon_, {"attach", "vm0", "shm0", "--size", "1M"});
        ASSERT_TRUE(wait_mapped(*vm_, "shm0"));
        vm_->pause();
        ASSERT_TRUE(eventually(
            soon(), [&] { return member(find_vm(*daemon_, "vm0"), "runState") == "paused"; }));
    }

    void expect_pending(const std::vector<std::string>& options) {
        std::vector<std::string> arguments{"detach", "vm0", "shm0"};
        arguments.insert(arguments.end(), options.begin(), options.end());
        const CtlResult pending = run_ctl(*daemon_, arguments);
        EXPECT_EQ(pending.exit_code, 7) << pending.out << pending.err;
        EXPECT_EQ(pending.json(), json({{"result", "pending"}}));
        EXPECT_EQ(member(find_device(*daemon_, "vm0", "shm0"), "state"), "detaching");
    }

    /// Only QEMU and the directory are looked at: no request wakes the daemon.
    void expect_gone() {
        EXPECT_TRUE(eventually(boot_deadline(), [&] {
            return machine_state(*vm_) == before_ && files_in(regions_.path()).empty();
        })) << machine_state(*vm_);
        EXPECT_TRUE(wait_no_devices("vm0")) << list_devices(*daemon_, "vm0");
    }

    std::optional<QemuVm> vm_;
    json before_;
};

TEST_P(PausedGuest, LetsGoWhenItRunsAgain) {
    attach_and_pause();
    expect_pending({"--timeout", "1", "--remove-region"});
    vm_->resume();
    expect_gone();
    EXPECT_EQ(vm_->guest("shm list").output, "");
}

TEST_P(PausedGuest, LetsGoWhenItIsReset) {
    if (GetParam().type == "q35" && has_old_native_ports()) {
        GTEST_SKIP() << "a guest of QEMU 5.2's q35 that is reset resets for ever, device or not";
    }
    attach_and_pause();
    expect_pending({"--no-wait", "--remove-region"});
    vm_->resume();
    reset_machine(*vm_);
    expect_gone();
    vm_->wait_guest_ready();
    EXPECT_EQ(vm_->guest("shm list").output, "");
}

TEST_P(PausedGuest, LetsGoWhileTheDaemonIsAway) {
    attach_and_pause();
    expect_pending({"--no-wait", "--remove-region"});
    daemon_->kill();
    vm_->resume();
    ASSERT_TRUE(eventually(boot_deadline(), [&] {
        return !qom_names(*vm_, "/machine/peripheral").contains("ivshmemd.shm0");
    }));
    EXPECT_TRUE(qom_names(*vm_).contains("ivshmemd.shm0.mem"));
    daemon_->start();
    expect_gone();
}

TEST_P(PausedGuest, IsStillWaitedForByTheNextDaemon) {
    attach_and_pause();
    expect_pending({"--no-wait", "--remove-region"});
    EXPECT_EQ(daemon_->stop(), 0);
    daemon_->start();
    wait_connected("vm0");
    EXPECT_TRUE(wait_device_state("vm0", "shm0", "detaching"));
    vm_->resume();
    expect_gone();
}

TEST_P(PausedGuest, ThatIsKilledEndsTheWaitAtOnce) {
    if (has_old_ports()) GTEST_SKIP() << old_ports_keep;
    attach_and_pause();
    Child waiting(start_detach("vm0", "shm0"));
    ASSERT_TRUE(wait_device_state("vm0", "shm0", "detaching"));
    const auto killed = std::chrono::steady_clock::now();
    vm_->kill();
    ASSERT_EQ(waiting.wait_exit(soon()), 5) << waiting.out() << waiting.err();
    EXPECT_LT(std::chrono::steady_clock::now() - killed, std::chrono::seconds(2));
    EXPECT_EQ(error_of(parse_json(waiting.out())), "VmUnavailable") << waiting.out();

    vm_.emplace(dir_.path(), machine());
    wait_connected("vm0");
    // Of the removal that was under way nothing may be left that would hit the new machine's
    // device.
    expect_ctl_success(*daemon_, {"attach", "vm0", "shm0", "--size", "1M"});
    EXPECT_EQ(member(find_device(*daemon_, "vm0", "shm0"), "state"), "attached");
    detach_by_reset(*vm_, "shm0");
}

INSTANTIATE_TEST_SUITE_P(, PausedGuest, testing::ValuesIn(all_machines()), machine_name);

}  // namespace
}  // namespace ivshmemd::test
