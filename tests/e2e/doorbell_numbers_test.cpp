#include <nlohmann/json.hpp>

#include "tests/e2e/hotplug_test.h"
#include "tests/e2e/machine_state.h"
#include "tests/support/doorbell_server.h"

// QEMU without KVM goes on watching the numbers that a doorbell's descriptors had. They are looked
// at here; nothing is handed to QEMU under one of them.

namespace ivshmemd::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

class DoorbellNumbers : public HotplugTest {
  protected:
    void start(bool paused) {
        VmOptions options{.name = "vm0"};
        options.paused = paused;
        vm_.emplace(dir_.path(), std::move(options));
        start_daemon({&*vm_});
    }

    std::set<int> numbers() const {
        std::set<int> numbers;
        for (const auto& entry :
             fs::directory_iterator("/proc/" + std::to_string(vm_->pid()) + "/fd")) {
            numbers.insert(std::stoi(entry.path().filename()));
        }
        return numbers;
    }

    /// The numbers of its eventfds, without those that it only holds for the daemon.
    std::set<int> eventfds() {
        std::set<int> found;
        const fs::path folder = "/proc/" + std::to_string(vm_->pid()) + "/fd";
        for (const int each : numbers()) {
            std::error_code error;
            const fs::path target = fs::read_symlink(folder / std::to_string(each), error);
            if (target.string().find("eventfd") != std::string::npos) found.insert(each);
        }
        for (const json& set : vm_->spy().call("query-fdsets")) {
            for (const json& each : set["fds"]) found.erase(each["fd"].get<int>());
        }
        return found;
    }

    /// Attaches a doorbell. The numbers of the vectors that QEMU got with it.
    std::set<int> attach_bell() {
        const std::set<int> before = eventfds();
        expect_ctl_success(
            *daemon_, {"attach", "vm0", "bell", "--server", server_.socket(), "--vectors", "2"});
        std::set<int> vectors = eventfds();
        for (const int each : before) vectors.erase(each);
        EXPECT_GE(vectors.size(), 2u) << "and those of a peer that has not quite left";
        return vectors;
    }

    bool gone() { return !qom_names(*vm_, "/machine/peripheral").contains("ivshmemd.bell"); }
    void ask_to_leave() {
        const CtlResult asked = run_ctl(*daemon_, {"detach", "vm0", "bell", "--timeout", "0"});
        EXPECT_EQ(asked.exit_code, 7) << asked.err;
    }
    /// The firmware lets no device go, a reset does.
    void reset() {
        vm_->spy().call("system_reset");
        EXPECT_TRUE(eventually(soon(), [this] { return gone(); }));
    }

    /// Of these, what QEMU has not open.
    std::set<int> not_occupied(std::set<int> wanted) {
        for (const int each : eventfds()) wanted.erase(each);
        return wanted;
    }
    int free_below(int number) const {
        const std::set<int> there = numbers();
        return number - static_cast<int>(std::distance(there.begin(), there.lower_bound(number)));
    }
    void await_parked() {
        EXPECT_TRUE(eventually(boot_deadline(), [this] {
            return list_devices(*daemon_, "vm0").empty() &&
                   !qom_names(*vm_, "/chardevs").contains("ivshmemd.bell.chr");
        }));
    }

    DoorbellServer server_{{"--vectors", "2", "--size", "1M"}};
    std::optional<QemuVm> vm_;
};

TEST_F(DoorbellNumbers, AreOccupiedAfterADeviceThatCameBeforeTheFirstStart) {
    start(true);
    const std::set<int> vectors = attach_bell();
    vm_->resume();
    ask_to_leave();
    reset();
    await_parked();
    // Whatever QEMU keeps for a paused machine it lets go of now.
    expect_ctl_success(*daemon_,
                       {"attach", "vm0", "again", "--server", server_.socket(), "--vectors", "2"});
    EXPECT_EQ(not_occupied(vectors), std::set<int>());
    EXPECT_TRUE(vm_->alive());
}

TEST_F(DoorbellNumbers, AreOccupiedAfterARemovalFromAPausedMachine) {
    start(false);
    const std::set<int> vectors = attach_bell();
    ask_to_leave();
    vm_->pause();
    reset();
    vm_->resume();
    await_parked();
    expect_ctl_success(*daemon_,
                       {"attach", "vm0", "again", "--server", server_.socket(), "--vectors", "2"});
    EXPECT_EQ(not_occupied(vectors), std::set<int>());
}

// The next connection is accepted before anybody can park anything.
TEST_F(DoorbellNumbers, HaveFreeOnesBelowWhenNoDaemonIsThere) {
    start(false);
    for (int round = 0; round < 3; ++round) {
        const std::set<int> vectors = attach_bell();
        ask_to_leave();
        daemon_->kill();
        reset();
        EXPECT_GE(free_below(*vectors.begin()), 16);
        daemon_->start();
        await_parked();
        EXPECT_EQ(not_occupied(vectors), std::set<int>());
        EXPECT_GE(free_below(*vectors.begin()), 16) << "and those below are free for others";
    }
    EXPECT_TRUE(vm_->alive());
}

}  // namespace
}  // namespace ivshmemd::test
