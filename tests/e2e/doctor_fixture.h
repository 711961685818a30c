#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "tests/e2e/hotplug_test.h"

namespace ivshmemd::test {

/// Faults are planted; ivshmemctl doctor has to find them, and what it says has to mend them.
class Doctor : public HotplugTest {
  protected:
    /// What is found, with the exit code that belongs to it.
    nlohmann::json findings(const std::vector<std::string>& arguments = {});

    /// "regionMode", "neverMapped vm0/shm0", ...
    static std::vector<std::string> summary(const nlohmann::json& found);
    std::vector<std::string> summary() { return summary(findings()); }

    /// The only finding.
    nlohmann::json finding(const std::string& kind);

    /// Runs the command that the mending begins with at `from`, up to what is said after it.
    void mend(const nlohmann::json& finding, const std::string& from = "");

    /// Attaches a device of 1M to vm0.
    void attach(const std::string& name, const std::vector<std::string>& options = {});
};

/// With a machine vm0 that was not started yet, in which nothing can be mapped.
class DoctorOfAPausedMachine : public Doctor {
  protected:
    void SetUp() override;

    std::optional<QemuVm> vm_;
};

}  // namespace ivshmemd::test
