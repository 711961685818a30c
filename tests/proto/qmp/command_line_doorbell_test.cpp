#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "proto/qmp/command_line.h"

// A QEMU that talks to a doorbell server itself does not survive peers that leave.

namespace ivshmemd::qmp {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

InventoryDevice doorbell_master(Model model) {
    InventoryDevice entry;
    entry.id = "ivshmemd.bell";
    entry.chardev_id = "ivshmemd.bell.chr";
    entry.device.origin = Origin::managed;
    entry.device.spec.name = "bell";
    entry.device.spec.model = model;
    entry.device.spec.role = Role::master;
    entry.device.spec.size = 1 << 20;
    entry.device.spec.server = "/run/bell.sock";
    entry.device.spec.vectors = 2;
    entry.device.spec.bus = "pci.0";
    entry.device.spec.slot = 30;
    return entry;
}

Inventory with(const InventoryDevice& entry) {
    Inventory inventory;
    inventory.devices = {entry};
    return inventory;
}

std::string refusal_of(const InventoryDevice& entry) {
    const Result<ReceiverStart> start = receiver_arguments(with(entry), {});
    if (start) return "it is not";
    EXPECT_EQ(start.error().kind, ErrorKind::config_unsupported);
    return start.error().message;
}

TEST(ReceiverDoorbells, AreLeftOutAsTheyAreToBeAttached) {
    for (const Model model : {Model::doorbell, Model::legacy}) {
        const InventoryDevice bell = doorbell_master(model);
        Inventory inventory = with(bell);
        InventoryDevice& other = inventory.devices.emplace_back();
        other.device.spec.role = Role::master;
        other.backend_id = "m0";
        inventory.backends = {{"m0", "/x", 4096, true}};
        const Result<ReceiverStart> start = receiver_arguments(inventory, {});
        ASSERT_TRUE(start) << start.error().message;
        EXPECT_THAT(start->arguments, ElementsAre("-object", HasSubstr("id=m0,"), "-device",
                                                  HasSubstr("ivshmem-plain,")));
        EXPECT_THAT(start->left_out, ElementsAre(bell.device.spec));
    }
}

TEST(ReceiverDoorbells, OfPeersAreNotToldOf) {
    InventoryDevice peer = doorbell_master(Model::doorbell);
    peer.device.spec.role = Role::peer;
    const Result<ReceiverStart> start = receiver_arguments(with(peer), {});
    ASSERT_TRUE(start) << start.error().message;
    EXPECT_TRUE(start->arguments.empty() && start->left_out.empty());
}

TEST(ReceiverDoorbells, AreRefusedWhereTheyCannotBeAttachedAgain) {
    InventoryDevice foreign = doorbell_master(Model::doorbell);
    foreign.device.origin = Origin::foreign;
    EXPECT_THAT(refusal_of(foreign), HasSubstr("bell is not ours"));
    InventoryDevice unknown = doorbell_master(Model::doorbell);
    unknown.device.spec.server.reset();
    EXPECT_THAT(refusal_of(unknown), HasSubstr("the server of bell cannot be told"));
    unknown.chardev_id.clear();
    EXPECT_THAT(refusal_of(unknown), HasSubstr("the server of bell cannot be told"));
}

}  // namespace
}  // namespace ivshmemd::qmp
