#include "lib/device.h"

#include <gtest/gtest.h>

namespace ivshmemd {
namespace {

DeviceSpec spec_of(Model model, std::optional<bool> msi = {}) {
    DeviceSpec spec;
    spec.model = model;
    spec.msi = msi;
    return spec;
}

TEST(Device, InterruptsAsItsModelCan) {
    EXPECT_EQ(interrupts_of(spec_of(Model::plain)), "none");
    EXPECT_EQ(interrupts_of(spec_of(Model::doorbell)), "msix");
    EXPECT_EQ(interrupts_of(spec_of(Model::doorbell, true)), "msix");
    EXPECT_EQ(interrupts_of(spec_of(Model::legacy)), "msix");
    EXPECT_EQ(interrupts_of(spec_of(Model::legacy, true)), "msix");
    EXPECT_EQ(interrupts_of(spec_of(Model::legacy, false)), "intx");
}

Device device_of(Model model, Role role, bool has_server) {
    Device device;
    device.spec = spec_of(model);
    device.spec.role = role;
    device.has_server = has_server;
    return device;
}

TEST(Device, BlocksMigrationAsAPeerWhateverItsModel) {
    for (const Model model : {Model::legacy, Model::plain, Model::doorbell}) {
        EXPECT_TRUE(blocks_migration(device_of(model, Role::peer, false)));
        EXPECT_TRUE(blocks_migration(device_of(model, Role::peer, true)));
    }
}

TEST(Device, LetsItsVmMigrateAsAMaster) {
    for (const Model model : {Model::legacy, Model::plain, Model::doorbell}) {
        EXPECT_FALSE(blocks_migration(device_of(model, Role::master, false)));
        EXPECT_FALSE(blocks_migration(device_of(model, Role::master, true)));
    }
}

TEST(Device, LeftToQemuIsAMasterOnlyWithoutAServer) {
    EXPECT_FALSE(blocks_migration(device_of(Model::legacy, Role::automatic, false)));
    EXPECT_FALSE(blocks_migration(device_of(Model::plain, Role::automatic, false)));
    EXPECT_TRUE(blocks_migration(device_of(Model::legacy, Role::automatic, true)));
    // A doorbell device has one by its nature, even when its chardev could not be read.
    EXPECT_TRUE(blocks_migration(device_of(Model::doorbell, Role::automatic, false)));
}

TEST(Device, NamesItsOriginAndState) {
    EXPECT_EQ(origin_name(Origin::managed), "managed");
    EXPECT_EQ(origin_name(Origin::foreign), "foreign");
    EXPECT_EQ(state_name(DeviceState::attaching), "attaching");
    EXPECT_EQ(state_name(DeviceState::attached), "attached");
    EXPECT_EQ(state_name(DeviceState::detaching), "detaching");
    EXPECT_EQ(state_name(DeviceState::leaked), "leaked");
}

}  // namespace
}  // namespace ivshmemd
