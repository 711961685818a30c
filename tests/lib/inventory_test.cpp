#include "lib/inventory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ivshmemd {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

InventoryDevice device(std::string id, std::string backend_id, std::string chardev_id = "") {
    InventoryDevice made;
    made.device.qom_path = "/machine/peripheral/" + id;
    made.id = std::move(id);
    made.backend_id = std::move(backend_id);
    made.chardev_id = std::move(chardev_id);
    return made;
}

Backend backend(std::string id) {
    Backend made;
    made.id = std::move(id);
    return made;
}

Bus bus_of_name(std::string name) {
    Bus bus;
    bus.name = std::move(name);
    return bus;
}

TEST(Inventory, FindsAManagedDeviceByItsName) {
    Inventory inventory;
    inventory.devices = {device("bus", "a"), device("ivshmemd.bus0", "b"),
                         device("ivshmemd.bus", "c")};
    ASSERT_TRUE(find_managed(inventory, "bus"));
    EXPECT_EQ(find_managed(inventory, "bus")->backend_id, "c");
    EXPECT_EQ(find_managed(inventory, "bus0")->backend_id, "b");
    EXPECT_EQ(find_managed(inventory, "bu"), nullptr);
    EXPECT_EQ(find_managed(inventory, "ivshmemd.bus"), nullptr);
}

TEST(Inventory, FindsADeviceByItsWholePath) {
    Inventory inventory;
    inventory.devices = {device("iv0", "a")};
    ASSERT_TRUE(find_by_path(inventory, "/machine/peripheral/iv0"));
    EXPECT_EQ(find_by_path(inventory, "/machine/peripheral/iv"), nullptr);
    EXPECT_EQ(find_by_path(inventory, "/machine/peripheral/iv0/"), nullptr);
    EXPECT_EQ(find_by_path(inventory, ""), nullptr);
}

TEST(Inventory, FindsABusByItsName) {
    Inventory inventory;
    inventory.buses = {bus_of_name("pci.0"), bus_of_name("rp0")};
    EXPECT_EQ(find_bus(inventory, "rp0"), &inventory.buses[1]);
    EXPECT_EQ(find_bus(inventory, "rp"), nullptr);
}

TEST(Orphans, AreOurBackendsThatServeNoDevice) {
    Inventory inventory;
    inventory.devices = {device("ivshmemd.a", "ivshmemd.a.mem.2")};
    inventory.backends = {backend("ivshmemd.a.mem"), backend("ivshmemd.a.mem.2"),
                          backend("ivshmemd.b.mem")};
    EXPECT_THAT(orphan_backends(inventory), ElementsAre("ivshmemd.a.mem", "ivshmemd.b.mem"));
}

TEST(Orphans, AreOurChardevsThatServeNoDevice) {
    Inventory inventory;
    inventory.devices = {device("ivshmemd.a", "", "ivshmemd.a.chr")};
    inventory.chardevs = {"ivshmemd.a.chr", "ivshmemd.b.chr"};
    EXPECT_THAT(orphan_chardevs(inventory), ElementsAre("ivshmemd.b.chr"));
}

TEST(Orphans, AreNeverTheThingsOfOthers) {
    Inventory inventory;
    inventory.backends = {backend("pc.ram"),          backend("shm0"),
                          backend("ivshmemd"),        backend("ivshmemd.a"),
                          backend("other.a.mem"),     backend("ivshmemd.a.memory"),
                          backend("ivshmemd.a.mem.x")};
    inventory.chardevs = {"compat_monitor0", "serial0", "ivshmemd.a", "other.a.chr"};
    EXPECT_THAT(orphan_backends(inventory), IsEmpty());
    EXPECT_THAT(orphan_chardevs(inventory), IsEmpty());
}

TEST(Orphans, AreNoneWhileAForeignDeviceUsesOurThing) {
    Inventory inventory;
    inventory.devices = {device("theirs", "ivshmemd.a.mem", "ivshmemd.b.chr")};
    inventory.backends = {backend("ivshmemd.a.mem")};
    inventory.chardevs = {"ivshmemd.b.chr"};
    EXPECT_THAT(orphan_backends(inventory), IsEmpty());
    EXPECT_THAT(orphan_chardevs(inventory), IsEmpty());
}

TEST(FreshBackendId, IsTheFirstGenerationThatIsNotThere) {
    Inventory inventory;
    EXPECT_EQ(fresh_backend_id(inventory, "a"), "ivshmemd.a.mem");
    inventory.backends = {backend("ivshmemd.a.mem"), backend("ivshmemd.ab.mem.2")};
    EXPECT_EQ(fresh_backend_id(inventory, "a"), "ivshmemd.a.mem.2");
    inventory.backends.push_back(backend("ivshmemd.a.mem.2"));
    inventory.backends.push_back(backend("ivshmemd.a.mem.4"));
    EXPECT_EQ(fresh_backend_id(inventory, "a"), "ivshmemd.a.mem.3");
    EXPECT_EQ(fresh_backend_id(inventory, "b"), "ivshmemd.b.mem");
}

}  // namespace
}  // namespace ivshmemd
