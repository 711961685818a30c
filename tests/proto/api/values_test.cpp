#include "proto/api/values.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "proto/varlink/type_check.h"
#include "tests/proto/api/published.h"

namespace ivshmemd::api {
namespace {

void expect_declared(const json& value, std::string_view type) {
    const varlink::TypeDeclaration* declaration = varlink::find_type(published(), type);
    ASSERT_TRUE(declaration) << type;
    const auto& members = std::get<varlink::StructType>(declaration->definition);
    EXPECT_EQ(varlink::check(published(), members, value), std::nullopt) << value.dump();
}

DeviceSpec device_spec() {
    DeviceSpec spec;
    spec.name = "bus0";
    spec.model = Model::plain;
    spec.role = Role::master;
    spec.size = 1 << 20;
    spec.region = "shared";
    spec.bus = "pci.0";
    spec.slot = 31;
    return spec;
}

Device plain_device() {
    Device device;
    device.spec = device_spec();
    device.vm = "vm1";
    device.qom_path = "/machine/peripheral/ivshmemd.bus0";
    device.origin = Origin::managed;
    return device;
}

Device doorbell_device() {
    Device device = plain_device();
    device.spec.model = Model::doorbell;
    device.spec.role = Role::peer;
    device.spec.region.reset();
    device.spec.server = "/run/server.sock";
    device.has_server = true;
    device.spec.vectors = 4;
    device.spec.msi = true;
    device.spec.ioeventfd = false;
    device.guest_address = "0000:01:00.0";
    device.guest_mapped = true;
    return device;
}

TEST(SpellDevice, SaysEverythingOfAPlainDeviceAndNothingElse) {
    const json expected = {{"name", "bus0"},
                           {"model", "ivshmem_plain"},
                           {"role", "master"},
                           {"size", 1048576},
                           {"region", "shared"},
                           {"bus", "pci.0"},
                           {"slot", 31},
                           {"vm", "vm1"},
                           {"interrupts", "none"},
                           {"guestMapped", false},
                           {"qomPath", "/machine/peripheral/ivshmemd.bus0"},
                           {"origin", "managed"},
                           {"state", "attached"},
                           {"blocksMigration", false},
                           {"stale", false}};
    EXPECT_EQ(spell_device(plain_device()), expected);
}

TEST(SpellDevice, SaysEverythingOfADoorbellDevice) {
    const json device = spell_device(doorbell_device());
    EXPECT_EQ(device["model"], "ivshmem_doorbell");
    EXPECT_EQ(device["server"], "/run/server.sock");
    EXPECT_EQ(device["vectors"], 4);
    EXPECT_EQ(device["msi"], true);
    EXPECT_EQ(device["ioeventfd"], false);
    EXPECT_EQ(device["interrupts"], "msix");
    EXPECT_EQ(device["guestAddress"], "0000:01:00.0");
    EXPECT_EQ(device["guestMapped"], true);
    EXPECT_EQ(device["blocksMigration"], true);
    EXPECT_FALSE(device.contains("region"));
}

TEST(SpellDevice, IsWhatTheInterfaceDeclaresForEveryValue) {
    for (const Device& base : {plain_device(), doorbell_device()}) {
        for (const Model model : {Model::legacy, Model::plain, Model::doorbell}) {
            for (const Role role : {Role::peer, Role::master, Role::automatic}) {
                for (const DeviceState state : {DeviceState::attaching, DeviceState::attached,
                                                DeviceState::detaching, DeviceState::leaked}) {
                    for (const bool flag : {false, true}) {
                        Device device = base;
                        device.spec.model = model;
                        device.spec.role = role;
                        device.spec.msi = flag;
                        device.state = state;
                        device.stale = flag;
                        device.origin = flag ? Origin::foreign : Origin::managed;
                        expect_declared(spell_device(device), "Device");
                    }
                }
            }
        }
    }
}

TEST(SpellDevice, GivesALeakedDeviceNoPlaceAndNoSayInMigration) {
    Device leaked = plain_device();
    leaked.state = DeviceState::leaked;
    leaked.spec.role = Role::peer;
    leaked.spec.bus.clear();
    const json device = spell_device(leaked);
    expect_declared(device, "Device");
    EXPECT_FALSE(device.contains("bus"));
    EXPECT_FALSE(device.contains("slot"));
    EXPECT_EQ(device["blocksMigration"], false);
}

TEST(SpellDevice, KeepsTheLargestSize) {
    Device device = plain_device();
    device.spec.size = std::uint64_t{1} << 62;
    expect_declared(spell_device(device), "Device");
    EXPECT_EQ(spell_device(device)["size"], std::uint64_t{1} << 62);
}

Capabilities qemu_with(std::set<Model> models) {
    Capabilities capabilities;
    capabilities.models = std::move(models);
    capabilities.version = {7, 2, 22};
    capabilities.machine_type = "pc-i440fx-7.2-machine";
    return capabilities;
}

TEST(SpellCapabilities, SaysWhatThereIs) {
    Bus root;
    root.name = "pci.0";
    root.path = "/machine/i440fx/pci.0";
    root.hotpluggable = true;
    for (int slot = 0; slot < 30; ++slot) root.occupied.insert(slot);
    Bus port;
    port.name = "rp0";
    port.path = "/machine/peripheral/rp0/rp0";
    port.reason = "off";
    port.kind = BusKind::port;
    const json expected = {{"models", {"ivshmem_plain", "ivshmem_doorbell"}},
                           {"defaultModel", "ivshmem_plain"},
                           {"defaultModelWithServer", "ivshmem_doorbell"},
                           {"qemuVersion", "7.2.22"},
                           {"machineType", "pc-i440fx-7.2-machine"},
                           {"buses",
                            {{{"name", "pci.0"},
                              {"path", "/machine/i440fx/pci.0"},
                              {"kind", "root"},
                              {"hotpluggable", true},
                              {"freeSlots", {30, 31}},
                              {"usable", {30, 31}}},
                             {{"name", "rp0"},
                              {"path", "/machine/peripheral/rp0/rp0"},
                              {"kind", "port"},
                              {"hotpluggable", false},
                              {"freeSlots", json::array()},
                              {"usable", json::array()},
                              {"reason", "off"}}}},
                           {"probeMethod", "device-list-properties"}};
    EXPECT_EQ(spell_capabilities(qemu_with({Model::plain, Model::doorbell}), {root, port}),
              expected);
}

TEST(SpellCapabilities, IsWhatTheInterfaceDeclaresForEverySetOfModels) {
    const Model all[] = {Model::legacy, Model::plain, Model::doorbell};
    for (unsigned set = 0; set < 8; ++set) {
        std::set<Model> models;
        for (unsigned i = 0; i < 3; ++i) {
            if (set & (1U << i)) models.insert(all[i]);
        }
        Capabilities capabilities = qemu_with(models);
        for (const auto method :
             {ProbeMethod::qom_list_types, ProbeMethod::device_list_properties}) {
            capabilities.probe_method = method;
            const json spelled = spell_capabilities(capabilities, {Bus{}});
            expect_declared(spelled, "Capabilities");
            EXPECT_EQ(spelled["models"].size(), models.size());
            EXPECT_EQ(spelled.contains("defaultModel"),
                      models.contains(Model::legacy) || models.contains(Model::plain));
            EXPECT_EQ(spelled.contains("defaultModelWithServer"),
                      models.contains(Model::legacy) || models.contains(Model::doorbell));
        }
    }
}

}  // namespace
}  // namespace ivshmemd::api
