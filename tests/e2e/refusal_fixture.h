#pragma once

#include <nlohmann/json.hpp>

#include "tests/e2e/hotplug_test.h"
#include "tests/support/json_text.h"

namespace ivshmemd::test {

/// Each request has its error, changes nothing in the machine and leaves no file.
class Refusal : public HotplugTest {
  protected:
    void SetUp() override {
        HotplugTest::SetUp();
        if (IsSkipped() || HasFatalFailure()) return;
        start_machine({});
    }

    void start_machine(DaemonOptions options) {
        daemon_.reset();
        vm_.emplace(dir_.path(), traced({.name = "vm0"}));
        start_daemon({&*vm_}, std::move(options));
        before_ = machine_state(*vm_);
        files_before_ = files_in(regions_.path());
    }

    /// Call it after whatever the test itself put into the region directory.
    void remember_files() { files_before_ = files_in(regions_.path()); }

    void TearDown() override {
        if (!vm_) return;
        expect_untouched();
        HotplugTest::TearDown();
    }

    void expect_untouched() {
        for (const char* command : {"object-add", "device_add", "chardev-add", "getfd"}) {
            EXPECT_EQ(times_heard(*vm_, command), 0) << "QEMU heard " << command;
        }
        EXPECT_GT(times_heard(*vm_, "qom-list"), 0) << "nothing is traced";
        EXPECT_EQ(machine_state(*vm_), before_);
        EXPECT_EQ(files_in(regions_.path()), files_before_);
        EXPECT_TRUE(vm_->alive());
        EXPECT_EQ(list_devices(*daemon_, "vm0"), nlohmann::json::array());
    }

    nlohmann::json refuse(const std::vector<std::string>& options, int exit_code,
                          const std::string& error) {
        std::vector<std::string> arguments{"attach", "vm0"};
        arguments.insert(arguments.end(), options.begin(), options.end());
        return expect_ctl_error(*daemon_, arguments, exit_code, error);
    }

    /// Attach by the API itself, where nothing on the client's side can refuse first.
    nlohmann::json refuse_call(nlohmann::json parameters, const std::string& error) {
        if (!parameters.contains("vm")) parameters["vm"] = "vm0";
        if (!parameters.contains("name")) parameters["name"] = "shm0";
        const nlohmann::json reply(call_api(*daemon_, "Attach", parameters));
        EXPECT_EQ(error_of(reply), error) << parameters << "\n" << reply;
        return member(reply, "parameters");
    }

    std::optional<QemuVm> vm_;
    nlohmann::json before_;
    std::set<std::string> files_before_;
};

}  // namespace ivshmemd::test
