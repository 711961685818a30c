#include "proto/qmp/inventory_query.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>

#include "tests/proto/qmp/inventory_answers.h"

namespace ivshmemd::qmp {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::uint64_t mib = std::uint64_t{1} << 20;

/// A machine of type pc with nothing in it.
Answers empty_pc() {
    Answers answers;
    const json nothing = json::array({{{"name", "type"}, {"type", "string"}}});
    return answers.with(Command("query-status"), {{"status", "running"}})
        .with(qom_list("/machine/peripheral"), nothing)
        .with(qom_list("/machine/peripheral-anon"), nothing)
        .with(qom_list("/objects"), nothing)
        .with(Command("query-chardev"), json::array())
        .with(Command("query-pci"), json::array({{{"bus", 0}, {"devices", json::array()}}}))
        .with_machine("i440fx", "i440FX-pcihost")
        .with_bus("/machine/i440fx/pci.0", "PCI");
}

Answers& add_device(Answers& answers, const std::string& path, std::string_view type,
                    const std::string& parent_bus, int devfn) {
    const std::size_t slash = path.rfind('/');
    return answers.with_child(path.substr(0, slash), path.substr(slash + 1), type)
        .with_get(path, "addr", devfn)
        .with_get(path, "parent_bus", parent_bus);
}

json pci_function(int bus, int slot, std::string_view id) {
    return {{"bus", bus},
            {"slot", slot},
            {"function", 0},
            {"qdev_id", id},
            {"regions", {{{"bar", 2}, {"size", 2 * mib}, {"address", 4263510016}}}}};
}

json root_bus_with(json functions) {
    return json::array({{{"bus", 0}, {"devices", std::move(functions)}}});
}

TEST(InventoryQuery, LeavesOutADeviceThatLeavesBetweenItsQuestions) {
    const std::string path = "/machine/peripheral/ivshmemd.a";
    Answers before = empty_pc();
    add_device(before, path, "ivshmem-plain", "/machine/i440fx/pci.0", 248);
    // It still tells its place, but not its backend any more.
    Answers after = empty_pc();
    after.with_get(path, "addr", 248);
    QomMemo memo;
    InventoryQuery query({"/dev/shm"}, memo);
    for (const Question& each : query.next()) each.answer(response_of(before.find(each.command)));
    answer_all(query, after);
    EXPECT_THAT(query.result().devices, IsEmpty());
    EXPECT_EQ(take(before).inventory.devices.size(), 1U);
}

TEST(InventoryQuery, FindsNothingInAnEmptyMachine) {
    const Taken taken = take(empty_pc());
    EXPECT_TRUE(taken.complete);
    EXPECT_EQ(taken.run_state, "running");
    EXPECT_THAT(taken.inventory.devices, IsEmpty());
    EXPECT_THAT(taken.inventory.backends, IsEmpty());
    EXPECT_THAT(taken.inventory.chardevs, IsEmpty());
    ASSERT_EQ(taken.inventory.buses.size(), 1U);
    EXPECT_EQ(free_slots(taken.inventory.buses[0]).size(), 32U);
}

TEST(InventoryQuery, DoesWithoutPci) {
    Answers answers = empty_pc();
    answers.without(Command("query-pci")).without(qom_list("/machine"));
    const Taken taken = take(answers);
    EXPECT_TRUE(taken.complete);
    EXPECT_THAT(taken.inventory.buses, IsEmpty());
}

TEST(InventoryQuery, ReadsAnAnonymousDevice) {
    const std::string path = "/machine/peripheral-anon/device[0]";
    Answers answers = empty_pc();
    add_device(answers, path, "ivshmem-plain", "/machine/i440fx/pci.0", 5 << 3)
        .with_get(path, "master", "on")
        .with_get(path, "memdev", "/objects/shm0")
        .with_child("/objects", "shm0", "memory-backend-memfd")
        .with_get("/objects/shm0", "size", 2 * mib)
        .with_get("/objects/shm0", "share", true)
        .with(Command("query-pci"),
              root_bus_with({pci_function(0, 4, ""), pci_function(0, 5, "")}));
    const Taken taken = take(answers);
    const InventoryDevice& device = device_at(taken.inventory, path);
    EXPECT_EQ(device.id, "");
    EXPECT_EQ(device.device.spec.name, "device[0]");
    EXPECT_EQ(device.device.origin, Origin::foreign);
    EXPECT_EQ(device.device.spec.role, Role::master);
    EXPECT_EQ(device.device.spec.size, 2 * mib);
    EXPECT_EQ(device.device.spec.region, std::nullopt);  // a memfd has no path
    EXPECT_EQ(device.device.spec.bus, "pci.0");
    EXPECT_EQ(device.device.spec.slot, 5);
    EXPECT_EQ(device.device.guest_address, "0000:00:05.0");
    EXPECT_TRUE(device.device.guest_mapped);
}

TEST(InventoryQuery, IsNotMisledByAnAnonymousDeviceOfOurName) {
    Answers answers = empty_pc();
    answers.with_child("/machine/peripheral-anon", "ivshmemd.bus0", "ivshmem-plain");
    const Taken taken = take(answers);
    ASSERT_EQ(taken.inventory.devices.size(), 1U);
    EXPECT_EQ(taken.inventory.devices[0].device.origin, Origin::foreign);
    EXPECT_EQ(find_managed(taken.inventory, "bus0"), nullptr);
}

TEST(InventoryQuery, PassesOverEveryOtherDevice) {
    Answers answers = empty_pc();
    answers.with_child("/machine/peripheral", "flat", "ivshmem-flat")
        .with_child("/machine/peripheral", "ivshmemd.net", "e1000")
        .with_child("/objects", "ivshmemd.rng", "rng-random");
    const Taken taken = take(answers);
    EXPECT_THAT(taken.inventory.devices, IsEmpty());
    EXPECT_THAT(taken.inventory.backends, IsEmpty());
}

TEST(InventoryQuery, CallsNoFileBelowASubdirectoryARegion) {
    for (const char* path : {"/dev/shm/sub/bus0", "/dev/shm/", "/dev/shm", "/dev/shm/..",
                             "/dev/shm/.bus", "/dev/shm//bus0", "bus0"}) {
        Answers answers = empty_pc();
        add_device(answers, "/machine/peripheral/iv0", "ivshmem-plain", "/machine/i440fx/pci.0", 32)
            .with_get("/machine/peripheral/iv0", "memdev", "/objects/shm0")
            .with_child("/objects", "shm0", "memory-backend-file")
            .with_get("/objects/shm0", "mem-path", path);
        EXPECT_EQ(take(answers).inventory.devices.at(0).device.spec.region, std::nullopt) << path;
    }
}

/// A pc with one legacy device that says this.
Device legacy_device(const std::map<std::string, json>& properties,
                     const std::string& region_dir = "/dev/shm") {
    const std::string path = "/machine/peripheral/old";
    Answers answers = empty_pc();
    add_device(answers, path, "ivshmem", "/machine/i440fx/pci.0", 32)
        .with(Command("query-pci"), root_bus_with({pci_function(0, 4, "old")}));
    for (const auto& [name, value] : properties) answers.with_get(path, name, value);
    return take(answers, region_dir).inventory.devices.at(0).device;
}

TEST(InventoryQuery, TakesALegacyDeviceWithoutARoleAsLeftToQemu) {
    const Device device = legacy_device({{"role", ""}, {"shm", "busold"}, {"chardev", ""}});
    EXPECT_EQ(device.spec.role, Role::automatic);
    EXPECT_FALSE(blocks_migration(device));
    EXPECT_EQ(legacy_device({{"shm", "busold"}}).spec.role, Role::automatic);
    EXPECT_EQ(legacy_device({{"role", "auto"}}).spec.role, Role::automatic);
    EXPECT_EQ(legacy_device({{"role", "master"}}).spec.role, Role::master);
    EXPECT_EQ(legacy_device({{"role", "peer"}}).spec.role, Role::peer);
}

TEST(InventoryQuery, CountsALegacyDeviceWithAServerAndNoRoleAsBlocking) {
    const Device device = legacy_device({{"role", ""}, {"shm", ""}, {"chardev", "c0"}});
    EXPECT_EQ(device.spec.role, Role::automatic);
    EXPECT_TRUE(blocks_migration(device));
}

TEST(InventoryQuery, TakesALegacyDevicesSizeFromItsBar) {
    EXPECT_EQ(legacy_device({{"size", "16M"}}).spec.size, 2 * mib);
}

TEST(InventoryQuery, ReadsHowALegacyDeviceInterrupts) {
    EXPECT_EQ(interrupts_of(legacy_device({{"msi", true}, {"chardev", "c0"}}).spec), "msix");
    EXPECT_EQ(interrupts_of(legacy_device({{"msi", false}, {"chardev", "c0"}}).spec), "intx");
}

TEST(InventoryQuery, CallsALegacyDevicesFileARegionByTheSameRules) {
    EXPECT_EQ(legacy_device({{"shm", "busold"}}).spec.region, "busold");
    EXPECT_EQ(legacy_device({{"shm", "/busold"}}).spec.region, "busold");  // QEMU takes it alike
    for (const char* shm : {"", "../../etc/x", "sub/bus", ".bus", "a b"}) {
        EXPECT_EQ(legacy_device({{"shm", shm}}).spec.region, std::nullopt) << shm;
    }
    EXPECT_EQ(legacy_device({{"shm", "busold"}}, "/var/lib/regions").spec.region, std::nullopt);
}

/// A q35 with one port, rp1 in slot 2, as query-pci shows it.
Answers q35_with_port(json bridge, json reserve) {
    Answers answers = empty_pc();
    answers.with_machine("q35", "q35-pcihost")
        .with_bus("/machine/q35/pcie.0", "PCIE", "")
        .with_child("/machine/peripheral", "rp1", "pcie-root-port")
        .with_port("rp1")
        .with_get("/machine/peripheral/rp1", "pref64-reserve", std::move(reserve));
    json port = {{"bus", 0}, {"slot", 2}, {"function", 0}, {"qdev_id", "rp1"}};
    port["pci_bridge"] = std::move(bridge);
    return answers.with(Command("query-pci"), root_bus_with({std::move(port)}));
}

json bridge(int secondary, std::uint64_t base, std::uint64_t limit, json devices = json::array()) {
    return {{"bus",
             {{"number", 0},
              {"secondary", secondary},
              {"subordinate", secondary},
              {"prefetchable_range", {{"base", base}, {"limit", limit}}}}},
            {"devices", std::move(devices)}};
}

constexpr std::uint64_t no_reserve = UINT64_MAX;

std::optional<std::uint64_t> room(json shown, json reserve) {
    const Taken taken = take(q35_with_port(std::move(shown), std::move(reserve)));
    return bus_of(taken.inventory, "rp1").room;
}

TEST(InventoryQuery, TakesAPortsRoomFromItsReserveBeforeFirmware) {
    EXPECT_EQ(room(bridge(0, 4293918720, 1048575), 256 * mib), 256 * mib);
    EXPECT_EQ(room(bridge(0, 4293918720, 1048575), no_reserve), 2 * mib);
    EXPECT_EQ(room(bridge(0, 4293918720, 1048575), nullptr), 2 * mib);
}

TEST(InventoryQuery, TakesAPortsRoomFromItsWindowAfterFirmware) {
    EXPECT_EQ(room(bridge(1, 4263510016, 4265607167), no_reserve), 2 * mib);
    EXPECT_EQ(room(bridge(1, 0x180000000, 0x18fffffff), 256 * mib), 256 * mib);
    EXPECT_EQ(room(bridge(1, 0xee400000, 0xfe3fffff), 256 * mib), 128 * mib);  // not aligned
    EXPECT_EQ(room(bridge(1, 4293918720, 1048575), 256 * mib), 256 * mib);     // not opened yet
}

TEST(InventoryQuery, ReadsADeviceBehindANumberedPort) {
    const std::string path = "/machine/peripheral/ivshmemd.bus0";
    Answers answers = q35_with_port(
        bridge(1, 4263510016, 4265607167, {pci_function(1, 0, "ivshmemd.bus0")}), no_reserve);
    add_device(answers, path, "ivshmem-plain", "/machine/peripheral/rp1/rp1", 0)
        .with_member("/machine/peripheral/rp1/rp1", 0, path, 0);
    const Taken taken = take(answers);
    const Device& device = device_at(taken.inventory, path).device;
    EXPECT_EQ(device.spec.bus, "rp1");
    EXPECT_EQ(device.spec.slot, 0);
    EXPECT_EQ(device.guest_address, "0000:01:00.0");
    EXPECT_TRUE(device.guest_mapped);
    EXPECT_THAT(free_slots(bus_of(taken.inventory, "rp1")), IsEmpty());
}

TEST(InventoryQuery, GivesADeviceBehindAnUnnumberedPortNoAddress) {
    const std::string path = "/machine/peripheral/ivshmemd.bus0";
    Answers answers = q35_with_port(
        bridge(0, 4293918720, 1048575, {pci_function(0, 0, "ivshmemd.bus0")}), no_reserve);
    add_device(answers, path, "ivshmem-plain", "/machine/peripheral/rp1/rp1", 0);
    const Taken taken = take(answers);
    EXPECT_EQ(device_at(taken.inventory, path).device.guest_address, std::nullopt);
}

TEST(InventoryQuery, SpellsAGuestAddressInHexadecimal) {
    const std::string path = "/machine/peripheral/iv0";
    Answers answers = empty_pc();
    add_device(answers, path, "ivshmem-plain", "/machine/i440fx/pci.0", (31 << 3) | 7);
    json function = pci_function(0, 31, "iv0");
    function["function"] = 7;
    answers.with(Command("query-pci"), root_bus_with({function}));
    const Taken taken = take(answers);
    EXPECT_EQ(taken.inventory.devices.at(0).device.guest_address, "0000:00:1f.7");
    EXPECT_EQ(taken.inventory.devices.at(0).device.spec.slot, 31);
}

TEST(InventoryQuery, DoesNotUseAPortThatHasHotplugSwitchedOff) {
    Answers answers = q35_with_port(bridge(1, 4263510016, 4265607167), no_reserve);
    answers.with_get("/machine/peripheral/rp1/rp1", "hotplug-handler", "");
    const Taken taken = take(answers);
    EXPECT_FALSE(bus_of(taken.inventory, "rp1").hotpluggable);
    EXPECT_THAT(free_slots(bus_of(taken.inventory, "rp1")), IsEmpty());
}

TEST(InventoryQuery, ReadsTheServerOfADoorbellDevice) {
    const std::string path = "/machine/peripheral/ivshmemd.db";
    const auto server = [&](const json& address) {
        Answers answers = empty_pc();
        add_device(answers, path, "ivshmem-doorbell", "/machine/i440fx/pci.0", 32)
            .with_get(path, "chardev", "ivshmemd.db.chr")
            .with(Command("query-chardev"), json::array({{{"label", "ivshmemd.db.chr"}}}))
            .with_get("/chardevs/ivshmemd.db.chr", "addr", address);
        return take(answers).inventory.devices.at(0).device.spec.server;
    };
    EXPECT_EQ(server({{"type", "unix"}, {"path", "/run/s.sock"}}), "/run/s.sock");
    EXPECT_EQ(server({{"type", "fd"}, {"str", "/run/s.sock"}}), "/run/s.sock");
    EXPECT_EQ(server({{"type", "fd"}, {"str", "ivshmemd.db"}}), std::nullopt);
    EXPECT_EQ(server({{"type", "inet"}, {"host", "/run/s.sock"}}), std::nullopt);
    EXPECT_EQ(server(nullptr), std::nullopt);
}

}  // namespace
}  // namespace ivshmemd::qmp
