#include "lib/migration/destination.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ivshmemd {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

InventoryDevice entry_of(const std::string& name, Role role, int slot) {
    InventoryDevice entry;
    entry.id = "ivshmemd." + name;
    entry.backend_id = entry.id + ".mem";
    entry.device.spec.name = name;
    entry.device.spec.role = role;
    entry.device.spec.size = 1 << 20;
    entry.device.spec.bus = "pci.0";
    entry.device.spec.slot = slot;
    entry.device.origin = Origin::managed;
    return entry;
}

Inventory inventory_of(const std::vector<InventoryDevice>& devices) {
    Inventory inventory;
    inventory.devices = devices;
    for (const InventoryDevice& device : devices) {
        inventory.backends.push_back(
            {device.backend_id, "/dev/shm/x", device.device.spec.size, true});
    }
    return inventory;
}

class MigrationDestination : public ::testing::Test {
  protected:
    /// The only reason against the destination; "" for none.
    std::string verdict() {
        const std::vector<Reason> reasons =
            judge_destination(inventory_of({master_}), inventory_of({there_}), "dst");
        if (reasons.empty()) return "";
        EXPECT_EQ(reasons.size(), 1u);
        EXPECT_EQ(reasons[0].severity, Severity::blocks);
        EXPECT_EQ(reasons[0].source, ReasonSource::ivshmemd);
        EXPECT_EQ(reasons[0].device, "m");
        EXPECT_THAT(reasons[0].text, HasSubstr("dst"));
        return reasons[0].text;
    }

    InventoryDevice master_ = entry_of("m", Role::master, 31);
    InventoryDevice there_ = master_;
};

TEST_F(MigrationDestination, WithTheSameDeviceTakesIt) {
    EXPECT_EQ(verdict(), "");
    there_.id = "other";  // only legacy devices go by it
    EXPECT_EQ(verdict(), "");
    there_.device.spec.role = Role::automatic;
    EXPECT_EQ(verdict(), "");
}

TEST_F(MigrationDestination, WithoutItDoesNot) {
    const std::vector<Reason> reasons = judge_destination(inventory_of({master_}), {}, "dst");
    ASSERT_EQ(reasons.size(), 1u);
    EXPECT_THAT(reasons[0].text, HasSubstr("slot 31 of pci.0"));
}

TEST_F(MigrationDestination, WithItInAnotherSlotDoesNot) {
    there_.device.spec.slot = 30;
    const std::vector<Reason> reasons =
        judge_destination(inventory_of({master_}), inventory_of({there_}), "dst");
    ASSERT_EQ(reasons.size(), 2u) << "missing in one slot, and too many in the other";
    EXPECT_THAT(reasons[0].text, HasSubstr("slot 31"));
    EXPECT_THAT(reasons[1].text, HasSubstr("slot 30"));
}

TEST_F(MigrationDestination, WithoutMasterOnDoesNot) {
    there_.device.spec.role = Role::peer;
    EXPECT_THAT(verdict(), HasSubstr("master=on"));
}

TEST_F(MigrationDestination, OfAnotherSizeDoesNot) {
    there_.device.spec.size = 2 << 20;
    EXPECT_THAT(verdict(), HasSubstr("2M instead of 1M"));
}

TEST_F(MigrationDestination, WithAnotherBackendDoesNot) {
    there_.backend_id = "m0";
    EXPECT_THAT(verdict(), HasSubstr("m0 instead of ivshmemd.m.mem"));
}

TEST_F(MigrationDestination, WithAnotherModelDoesNot) {
    there_.device.spec.model = Model::doorbell;
    EXPECT_THAT(verdict(), HasSubstr("ivshmem-doorbell"));
}

TEST_F(MigrationDestination, OfALegacyDeviceGoesByItsId) {
    master_.device.spec.model = there_.device.spec.model = Model::legacy;
    EXPECT_EQ(verdict(), "");
    there_.id = "other";
    EXPECT_THAT(verdict(), HasSubstr("id other"));
}

TEST_F(MigrationDestination, WithPrivateMemoryDoesNot) {
    Inventory destination = inventory_of({there_});
    destination.backends[0].share = false;
    const std::vector<Reason> reasons =
        judge_destination(inventory_of({master_}), destination, "dst");
    ASSERT_EQ(reasons.size(), 1u);
    EXPECT_THAT(reasons[0].text, HasSubstr("share=on"));
}

TEST(MigrationDestinationOfPeers, NeedsNone) {
    const Inventory source = inventory_of({entry_of("p", Role::peer, 30)});
    EXPECT_THAT(judge_destination(source, {}, "dst"), IsEmpty());
}

TEST(MigrationDestinationOfPeers, MustNotHaveThemYet) {
    const InventoryDevice peer = entry_of("p", Role::peer, 30);
    const std::vector<Reason> reasons =
        judge_destination(inventory_of({peer}), inventory_of({peer}), "dst");
    ASSERT_EQ(reasons.size(), 1u);
    EXPECT_THAT(reasons[0].text, HasSubstr("does not come along"));
}

}  // namespace
}  // namespace ivshmemd
