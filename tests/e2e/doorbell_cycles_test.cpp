#include <cstdlib>
#include <nlohmann/json.hpp>
#include <regex>

#include "tests/e2e/hotplug_test.h"
#include "tests/e2e/machine_state.h"
#include "tests/support/doorbell_server.h"

// A QEMU without KVM loses a few descriptors with every doorbell that leaves, and nothing else.

namespace ivshmemd::test {
namespace {

using nlohmann::json;

class DoorbellCycles : public HotplugTest {
  protected:
    void start(VmOptions options) {
        options.guest = true;
        vm_.emplace(dir_.path(), std::move(options));
        vm_->wait_guest_ready();
        start_daemon({&*vm_});
    }

    /// $IVSHMEMD_CYCLES, for a long run by hand.
    static int cycles() {
        const char* wanted = std::getenv("IVSHMEMD_CYCLES");
        return wanted ? std::atoi(wanted) : 12;
    }
    CtlResult attach_bell() {
        return run_ctl(*daemon_,
                       {"attach", "vm0", "bell", "--server", server_.socket(), "--vectors", "2"});
    }
    Child in_background(const std::vector<std::string>& arguments) {
        return Child(daemon_->ctl_command(arguments));
    }

    /// A doorbell comes and goes; a plain device comes while it goes, and goes while it comes.
    void cycle(int number) {
        const std::string plain = "p" + std::to_string(number % 4);
        ASSERT_EQ(attach_bell().exit_code, 0);
        Child leaving(in_background({"detach", "vm0", "bell"}));
        Child coming(in_background({"attach", "vm0", plain, "--size", "64K"}));
        ASSERT_EQ(leaving.wait_exit(boot_deadline()), 0) << leaving.err();
        ASSERT_EQ(coming.wait_exit(boot_deadline()), 0) << coming.err();
        expect_ctl_success(*daemon_, {"detach", "vm0", plain}, boot_deadline());
        ASSERT_TRUE(vm_->alive()) << vm_->err();
    }

    /// What the daemon says it has parked, all in all.
    std::size_t parked() {
        const std::regex line("([0-9]+) descriptors parked");
        const std::string log = daemon_->process().err();
        std::size_t sum = 0;
        for (std::sregex_iterator it(log.begin(), log.end(), line), end; it != end; ++it) {
            sum += std::stoul((*it)[1]);
        }
        return sum;
    }

    /// How many QEMU has open once it has closed the regions' files, which is a moment after their
    /// backends have gone.
    std::size_t settled_descriptors() {
        const auto holds_region = [this] {
            for (const std::string& each : open_descriptors(vm_->pid())) {
                if (each.find(regions_.path().string()) != std::string::npos) return true;
            }
            return false;
        };
        EXPECT_TRUE(eventually(soon(), [&] { return !holds_region(); }));
        return open_descriptors(vm_->pid()).size();
    }

    DoorbellServer server_{{"--vectors", "2", "--size", "1M"}};
    std::optional<QemuVm> vm_;
};

TEST_F(DoorbellCycles, CostTheMachineWhatIsParkedAndNothingElse) {
    start({.name = "vm0"});
    ASSERT_NO_FATAL_FAILURE(cycle(0));
    const std::size_t ours = open_descriptors(daemon_->process().pid()).size();
    const std::size_t theirs = settled_descriptors();
    const std::size_t parked_before = parked();
    for (int i = 1; i <= cycles(); ++i) ASSERT_NO_FATAL_FAILURE(cycle(i)) << i;
    const std::size_t added = parked() - parked_before;
    EXPECT_GE(added, 2u * static_cast<std::size_t>(cycles())) << "the two vectors, each";
    EXPECT_EQ(settled_descriptors(), theirs + added);
    EXPECT_EQ(open_descriptors(daemon_->process().pid()).size(), ours);
    EXPECT_EQ(vm_->guest("echo alive").output, "alive\n");
    std::cout << cycles() << " cycles on " << vm_->version() << ": " << added
              << " descriptors parked, QEMU has " << theirs + added << ", the daemon " << ours
              << "\n";
}

TEST_F(DoorbellCycles, EndWithARefusalThatNamesTheLimit) {
    start({.name = "vm0", .launcher = {"prlimit", "--nofile=80"}});
    CtlResult attached = attach_bell();
    for (int i = 0; i < 30 && attached.exit_code == 0; ++i) {
        expect_ctl_success(*daemon_, {"detach", "vm0", "bell"}, boot_deadline());
        attached = attach_bell();
    }
    ASSERT_EQ(attached.exit_code, 9) << open_descriptors(vm_->pid()).size();
    const json error = attached.json();
    EXPECT_EQ(error["error"], "ConfigUnsupported") << error;
    EXPECT_NE(error["parameters"]["message"].get<std::string>().find("80 descriptors"),
              std::string::npos)
        << error;
    EXPECT_TRUE(qom_names(*vm_, "/chardevs").empty() ||
                !qom_names(*vm_, "/chardevs").contains("ivshmemd.bell.chr"));
    EXPECT_EQ(vm_->guest("echo alive").output, "alive\n");
    expect_ctl_success(*daemon_, {"attach", "vm0", "plain", "--size", "64K"});
}

}  // namespace
}  // namespace ivshmemd::test
