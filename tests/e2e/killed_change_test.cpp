#include <signal.h>

#include <nlohmann/json.hpp>

#include "tests/e2e/hotplug_test.h"
#include "tests/support/json_text.h"
#include "tests/support/qmp_relay.h"

// The daemon is killed in the middle of a change of two machines. The next one undoes it in both.

namespace ivshmemd::test {
namespace {

using nlohmann::json;
using Moment = QmpPoint::Moment;

class KilledChange : public HotplugTest {
  protected:
    /// The daemon speaks to the second one through a relay.
    void SetUp() override {
        HotplugTest::SetUp();
        if (IsSkipped() || HasFatalFailure()) return;
        one_.emplace(dir_.path(), VmOptions{.name = "one"});
        two_.emplace(dir_.path(), VmOptions{.name = "two"});
        relay_.emplace(dir_ / "relay.qmp", two_->qmp_socket());
        DaemonOptions options;
        options.vms = {{"two", relay_->path()}};
        start_daemon({&*one_}, options);
        wait_connected("two");
        untouched_ = states();
    }

    json states() { return {machine_state(*one_), machine_state(*two_)}; }

    /// Its daemon dies when that is said to the second machine, and another one comes.
    void crash_at(QmpPoint point, const std::vector<std::string>& words) {
        relay_->stop_at(std::move(point),
                        [pid = daemon_->process().pid()] { ::kill(pid, SIGKILL); });
        Child change(daemon_->ctl_command(words));
        ASSERT_TRUE(relay_->wait_stopped(soon())) << "it never came to that";
        daemon_->kill();
        EXPECT_EQ(change.wait_exit(soon()), 5) << change.err();
        daemon_->start();
        wait_connected("one");
        wait_connected("two");
    }

    /// Without a guest, resets are what lets devices go.
    bool wait_devices(const json& wanted) {
        return eventually(boot_deadline(), [&] {
            if (named_states("one") == wanted && named_states("two") == wanted) return true;
            reset_machine(*one_);
            reset_machine(*two_);
            return false;
        });
    }
    /// What was asked to leave leaves with a reset, and comes back. A removal is asked for again no
    /// sooner than five seconds after the last one.
    bool wait_back(const json& wanted) {
        reset_machine(*one_);
        reset_machine(*two_);
        auto next = std::chrono::steady_clock::now() + std::chrono::seconds(6);
        return eventually(boot_deadline(), [&] {
            if (named_states("one") == wanted && named_states("two") == wanted) return true;
            if (std::chrono::steady_clock::now() < next) return false;
            reset_machine(*one_);
            reset_machine(*two_);
            next += std::chrono::seconds(6);
            return false;
        });
    }
    json named_states(const std::string& vm) {
        json found = json::object();
        for (const json& each : list_devices(*daemon_, vm)) found[each["name"]] = each["state"];
        return found;
    }

    std::optional<QemuVm> one_;
    std::optional<QemuVm> two_;
    std::optional<QmpRelay> relay_;
    json untouched_;
};

TEST_F(KilledChange, OfAttachesLeavesNothingBehind) {
    for (const char* command : {"object-add", "device_add"}) {
        for (const Moment moment : {Moment::asked, Moment::answered}) {
            const QmpPoint point{moment, command};
            SCOPED_TRACE(testing::PrintToString(point));
            crash_at(point, {"attach", "one,two", "shm0", "--size", "1M"});
            if (HasFailure()) return;
            EXPECT_TRUE(wait_devices(json::object()));
            EXPECT_TRUE(eventually(soon(), [&] { return states() == untouched_; }));
            EXPECT_TRUE(eventually(soon(), [&] { return files_in(regions_.path()).empty(); }));
        }
    }
}

TEST_F(KilledChange, OfDetachesBringsTheDevicesBack) {
    expect_ctl_success(*daemon_, {"attach", "one,two", "shm0", "--size", "1M"});
    const json with_device = states();
    for (const Moment moment : {Moment::asked, Moment::answered}) {
        const QmpPoint point{moment, "device_del"};
        SCOPED_TRACE(testing::PrintToString(point));
        crash_at(point, {"detach", "one,two", "shm0"});
        if (HasFailure()) return;
        EXPECT_TRUE(wait_back({{"shm0", "attached"}}));
        EXPECT_EQ(states(), with_device);
        EXPECT_FALSE(json(expect_ctl_success(*daemon_, {"list"})).contains("holds"));
    }
}

}  // namespace
}  // namespace ivshmemd::test
