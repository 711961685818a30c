#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lib/diagnosis/diagnosis.h"

namespace ivshmemd::test {

inline constexpr std::uint64_t megabyte = 1 << 20;

/// A conventional bus with this many free slots.
inline Bus conventional_bus(int free) {
    Bus bus;
    bus.name = bus.address = "pci.0";
    bus.unplug = Unplug::acpi;
    bus.hotpluggable = true;
    for (int slot = free; slot < 32; ++slot) bus.occupied.insert(slot);
    return bus;
}

/// A root port, with room for 2 MiB unless told otherwise.
inline Bus root_port(const std::string& name, bool free, std::uint64_t room = 2 * megabyte) {
    Bus bus;
    bus.name = bus.address = name;
    bus.unplug = Unplug::acpi;
    bus.hotpluggable = true;
    bus.kind = BusKind::port;
    bus.express = bus.reserves = true;
    bus.room = room;
    if (!free) bus.occupied.insert(0);
    return bus;
}

/// The bus of a q35, which takes ports alone.
inline Bus root_complex() {
    Bus bus;
    bus.name = bus.address = "pcie.0";
    bus.express = true;
    bus.reason = "QEMU plugs nothing into it";
    return bus;
}

/// A managed device of 1 MiB in a region of the same name, with nothing wrong.
inline DeviceFacts region_device(const std::string& name) {
    DeviceFacts facts;
    facts.device.vm = "web";
    facts.device.spec.name = name;
    facts.device.spec.region = name;
    facts.device.spec.size = megabyte;
    facts.device.spec.bus = "pci.0";
    facts.device.qom_path = "/machine/peripheral/ivshmemd." + name;
    facts.device.origin = Origin::managed;
    facts.device.guest_mapped = true;
    facts.memory_path = "/dev/shm/" + name;
    facts.match = PathMatch::same;
    return facts;
}

/// A running pc called "web", with both models and room, and with nothing wrong.
inline VmFacts healthy_vm(const std::string& name = "web") {
    VmFacts vm;
    vm.name = name;
    vm.qmp_socket = "/run/vms/" + name + ".qmp";
    vm.run_state = "running";
    vm.qemu_user = 500;
    vm.pid = 4242;
    vm.capabilities = Capabilities{{Model::plain, Model::doorbell}, {7, 2, 0}, "pc-i440fx-7.2"};
    vm.buses = {conventional_bus(28)};
    return vm;
}

/// A daemon of user 400 called ivshmemd.
inline HostFacts host_of(std::vector<VmFacts> vms) {
    HostFacts host;
    host.vms = std::move(vms);
    host.daemon = 400;
    host.daemon_user = "ivshmemd";
    return host;
}

/// What is found in the one VM.
inline std::vector<Finding> found_in(const VmFacts& vm) {
    return diagnose(host_of({vm}));
}

/// The only finding there is.
inline Finding only_finding(const std::vector<Finding>& findings) {
    EXPECT_EQ(findings.size(), 1u);
    return findings.empty() ? Finding() : findings.front();
}

}  // namespace ivshmemd::test
