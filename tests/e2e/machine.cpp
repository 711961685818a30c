#include "tests/e2e/machine.h"

#include <cstdio>
#include <nlohmann/json.hpp>

#include "tests/support/json_text.h"

namespace ivshmemd::test {

using nlohmann::json;

std::vector<Machine> acpi_machines() {
    return {{.name = "pc", .type = "pc"}, {.name = "q35", .type = "q35", .root_ports = 3}};
}

std::vector<Machine> all_machines() {
    std::vector<Machine> machines = acpi_machines();
    machines.push_back({.name = "q35Native", .type = "q35", .root_ports = 3, .native = true});
    return machines;
}

bool q35_has_acpi_hotplug() {
    return QemuVm::installed_version() >= 6001;
}

bool has_old_native_ports() {
    return QemuVm::installed_version() < 6002;
}

std::vector<std::string> native_hotplug() {
    if (!q35_has_acpi_hotplug()) return {};
    return {"-global", "ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off"};
}

std::vector<Machine> q35_machines() {
    std::vector<Machine> machines = all_machines();
    machines.erase(machines.begin());
    return machines;
}

Machine arm_machine() {
    return {
        .name = "virt", .type = "virt", .root_ports = 1, .native = true, .architecture = "aarch64"};
}

void MachineTest::SetUp() {
    const Machine& kind = GetParam();
    require_qemu(kind.architecture);
    if (IsSkipped() || HasFatalFailure()) return;
    if (kind.type == "q35" && !kind.native && !q35_has_acpi_hotplug()) {
        GTEST_SKIP() << "before QEMU 6.1 q35 has native hotplug only";
    }
    reset_removes_ = !kind.native;
}

VmOptions MachineTest::machine(VmOptions options) {
    const Machine& kind = GetParam();
    options.architecture = kind.architecture;
    options.machine = kind.type;
    if (kind.root_ports && !options.root_ports) options.root_ports = kind.root_ports;
    if (!kind.root_ports) options.root_ports = 0;
    if (kind.type == "q35" && kind.native) {
        const std::vector<std::string> extra = native_hotplug();
        options.extra.insert(options.extra.end(), extra.begin(), extra.end());
    }
    return options;
}

std::string MachineTest::first_bus() {
    const int ports = GetParam().root_ports;
    return ports ? "rp" + std::to_string(ports - 1) : "pci.0";
}

std::string MachineTest::foreign_bus(int n) {
    return GetParam().root_ports ? "rp" + std::to_string(n) : "";
}

std::string MachineTest::guest_address(const json& device) {
    const std::string bus = device.value("bus", "");
    const bool behind_port = bus.starts_with("rp");
    char address[sizeof "0000:00:00.0"];
    std::snprintf(address, sizeof address, "0000:%02x:%02x.0",
                  behind_port ? (std::stoi(bus.substr(2)) + 1) & 0xff : 0,
                  device.value("slot", 0) & 0x1f);
    return address;
}

bool MachineTest::guest_takes(QemuVm& vm, const json& device) {
    const std::string address = guest_address(device);
    const std::string size = std::to_string(device.value("size", 0));
    const bool found = eventually(boot_deadline(), [&] {
        const std::string list = vm.guest("shm list").output;
        return list.starts_with(address + " 0x") && list.ends_with(" " + size + "\n");
    });
    // With native hotplug nobody switches the memory on before a driver does.
    if (found && GetParam().native) vm.guest("echo 1 >/sys/bus/pci/devices/" + address + "/enable");
    return found;
}

bool MachineTest::wait_mapped(QemuVm& vm, const std::string& name) {
    return guest_takes(vm, find_device(*daemon_, vm.name(), name)) &&
           eventually(boot_deadline(), [&] {
               return member(find_device(*daemon_, vm.name(), name), "guestMapped") == true;
           });
}

bool MachineTest::wait_descriptors(const std::multiset<std::string>& before) {
    return eventually(soon(), [&] { return open_descriptors(daemon_->process().pid()) == before; });
}

void MachineTest::detach(const std::string& vm, const std::string& name,
                         const std::vector<std::string>& options) {
    std::vector<std::string> arguments{"detach", vm, name};
    arguments.insert(arguments.end(), options.begin(), options.end());
    EXPECT_EQ(expect_ctl_success(*daemon_, arguments, boot_deadline()),
              json({{"result", "removed"}}));
}

void PrintTo(const Machine& machine, std::ostream* out) {
    *out << machine.name;
}

void expect_members(const json& object, const json& expected) {
    for (const auto& [key, value] : expected.items()) {
        EXPECT_EQ(member(object, key), value) << key << " of " << object;
    }
}

}  // namespace ivshmemd::test
