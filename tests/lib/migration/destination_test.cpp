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
    std::string verdict() { return verdict(inventory_of({master_}), inventory_of({there_})); }

    /// The same, with other memory on either side.
    std::string verdict(const Backend& ours, const Backend& theirs) {
        Inventory source = inventory_of({master_}), destination = inventory_of({there_});
        for (auto [inventory, backend] : {std::pair{&source, ours}, {&destination, theirs}}) {
            backend.id = inventory->backends[0].id;
            inventory->backends[0] = backend;
        }
        return verdict(source, destination);
    }

    std::string verdict(const Inventory& source, const Inventory& destination) {
        const std::vector<Reason> reasons = judge_destination(source, destination, "dst");
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

// It is not started with one: QEMU is not connected to a server itself.
TEST_F(MigrationDestination, WithoutADoorbellIsToGetItAttached) {
    master_.device.spec.model = Model::doorbell;
    EXPECT_THAT(verdict(inventory_of({master_}), {}), HasSubstr("prints how it is attached there"));
    master_.device.spec.model = Model::plain;
    EXPECT_THAT(verdict(inventory_of({master_}), {}), HasSubstr("what it has to be started with"));
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
    const Backend shared{.id = {}, .path = "/x", .share = true};
    const Backend copy{.id = {}, .path = "/x"};
    EXPECT_EQ(verdict(copy, copy), "") << "as at the source";
    EXPECT_THAT(verdict(shared, copy), HasSubstr("private memory (start it with share=on)"));
    EXPECT_THAT(verdict(copy, shared), HasSubstr("shared memory (start it with share=off)"));
}

TEST_F(MigrationDestination, WithAnotherWindowDoesNot) {
    const Backend window{.id = {}, .path = "/x", .share = true, .offset = 8192};
    const Backend beginning{.id = {}, .path = "/x", .share = true};
    EXPECT_EQ(verdict(window, window), "");
    EXPECT_THAT(verdict(window, beginning),
                HasSubstr("at offset 0 instead of 8192 (start it with offset=8192)"));
    EXPECT_THAT(verdict(beginning, window), HasSubstr("(start it with offset=0)"));
}

// The content would end it.
TEST_F(MigrationDestination, WithReadOnlyMemoryDoesNot) {
    const Backend memory{.id = {}, .path = "/x", .share = true};
    Backend read_only = memory;
    read_only.read_only = true;
    for (const Backend& ours : {memory, read_only}) {
        EXPECT_THAT(verdict(ours, read_only), HasSubstr("(start it with readonly=off)"));
        EXPECT_EQ(verdict(ours, memory), "");
    }
    read_only.mapping.verified = read_only.mapping.writable = true;
    EXPECT_EQ(verdict(read_only, read_only), "") << "a copy that QEMU writes to";
}

TEST_F(MigrationDestination, WithItInAnotherFunctionDoesNot) {
    master_.function = there_.function = 1;
    EXPECT_EQ(verdict(), "");
    there_.function = 0;
    const std::vector<Reason> reasons =
        judge_destination(inventory_of({master_}), inventory_of({there_}), "dst");
    ASSERT_EQ(reasons.size(), 2u);
    EXPECT_THAT(reasons[0].text, HasSubstr("no such device in function 1 of slot 31 of pci.0"));
    EXPECT_THAT(reasons[1].text, HasSubstr("has a device in slot 31 of pci.0"));
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
