#pragma once

#include <gtest/gtest.h>

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "tests/e2e/hotplug_test.h"

// The kinds of machine that the proofs of hotplug run on, each the same way.
namespace ivshmemd::test {

struct Machine {
    std::string name;  // as the test's name ends
    std::string type;  // of -machine
    int root_ports = 0;
    /// Removals are a matter between guest and port, which takes seconds and an indicator that
    /// blinks; a port that no driver has switched on gives its device up at once.
    bool native = false;
    std::string architecture = "x86_64";
};

/// i440fx, q35 with ACPI hotplug, q35 with native PCI Express hotplug.
std::vector<Machine> all_machines();
/// Those whose root bus takes no hotplug.
std::vector<Machine> q35_machines();
/// The virt board of 64-bit arm, with a root port.
Machine arm_machine();
/// Whether q35 takes and gives devices by ACPI, as it does since QEMU 6.1 unless told otherwise.
bool q35_has_acpi_hotplug();
/// What tells it otherwise.
std::vector<std::string> native_hotplug();
/// Whether native ports are those of before QEMU 6.2, and what becomes of devices in them then.
bool has_old_native_ports();
inline constexpr const char* old_ports_keep =
    "before QEMU 6.2 native ports let go of nothing without a guest";
inline constexpr const char* old_ports_drop =
    "before QEMU 6.2 a guest switches off a native port that was filled while it ran";
/// Those on which a removal waits when there is only firmware.
std::vector<Machine> acpi_machines();

/// Base of the tests that run on each of them.
class MachineTest : public HotplugTest, public testing::WithParamInterface<Machine> {
  protected:
    void SetUp() override;

    /// The options for a machine of this kind.
    static VmOptions machine(VmOptions options = {});

    static bool has_old_ports() { return GetParam().native && has_old_native_ports(); }

    /// Where the first device of an empty machine goes.
    static std::string first_bus();
    /// The n-th bus for devices of others; "" where QEMU chooses well itself.
    static std::string foreign_bus(int n);
    /// The address that a guest without further bridges gives the device.
    static std::string guest_address(const nlohmann::json& device);

    /// Until the guest has found this device and no other, with an address for its memory; then
    /// does what a driver would do first.
    static bool guest_takes(QemuVm& vm, const nlohmann::json& device);
    /// The same, and until the daemon sees that the memory is mapped.
    bool wait_mapped(QemuVm& vm, const std::string& name);
    /// Until the daemon has no descriptor more than before: calls end a little after their clients.
    bool wait_descriptors(const std::multiset<std::string>& before);

    /// Detaches with the guest's help, however long it takes on this machine.
    void detach(const std::string& vm, const std::string& name,
                const std::vector<std::string>& options = {});
};

/// What INSTANTIATE_TEST_SUITE_P makes of a machine.
inline std::string machine_name(const testing::TestParamInfo<Machine>& info) {
    return info.param.name;
}

void PrintTo(const Machine& machine, std::ostream* out);

/// Fails the test for each of these members that the object has otherwise.
void expect_members(const nlohmann::json& object, const nlohmann::json& expected);

}  // namespace ivshmemd::test
