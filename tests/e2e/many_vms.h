#pragma once

#include <chrono>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "tests/e2e/hotplug_test.h"

namespace ivshmemd::test {

/// Machines without a guest that are changed together.
class ManyVms : public HotplugTest {
  protected:
    /// Two machines with room, and one that takes no device at all.
    void SetUp() override {
        HotplugTest::SetUp();
        if (IsSkipped() || HasFatalFailure()) return;
        one_.emplace(dir_.path(), VmOptions{.name = "one"});
        two_.emplace(dir_.path(), VmOptions{.name = "two", .machine = "q35", .root_ports = 1});
        full_.emplace(dir_.path(), VmOptions{.name = "full", .machine = "q35"});
        start_daemon({&*one_, &*two_, &*full_});
        states_ = {machine_state(*one_), machine_state(*two_), machine_state(*full_)};
    }

    /// Without a guest, a reset is what lets a device go.
    std::optional<int> reset_until_exit(std::initializer_list<QemuVm*> vms, Child& child) {
        const Deadline deadline = soon();
        std::optional<int> code;
        while (!code && !deadline.passed()) {
            for (QemuVm* vm : vms) reset_machine(*vm);
            code = child.wait_exit(Deadline::after(std::chrono::milliseconds(200)));
        }
        return code;
    }
    Child start(const std::vector<std::string>& arguments) {
        std::vector<std::string> words{"--json=short"};
        words.insert(words.end(), arguments.begin(), arguments.end());
        return Child(daemon_->ctl_command(words));
    }

    void expect_untouched() {
        EXPECT_EQ(machine_state(*one_), states_[0]);
        if (two_->alive()) {
            EXPECT_EQ(machine_state(*two_), states_[1]);
        }
        EXPECT_EQ(machine_state(*full_), states_[2]);
        EXPECT_EQ(list_devices(*daemon_, "one"), nlohmann::json::array());
        EXPECT_TRUE(files_in(regions_.path()).empty());
    }

    std::optional<QemuVm> one_;
    std::optional<QemuVm> two_;
    std::optional<QemuVm> full_;
    std::vector<nlohmann::json> states_;
};

}  // namespace ivshmemd::test
