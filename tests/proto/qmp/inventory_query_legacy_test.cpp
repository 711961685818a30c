#include <gtest/gtest.h>

#include "proto/qmp/inventory_query.h"
#include "tests/proto/qmp/inventory_answers.h"

// The legacy device as a real QEMU has answered for it.

namespace ivshmemd::qmp {
namespace {

TEST(InventoryQuery, ReadsTheRecordedLegacyDevice) {
    for (const Recording& recording : test::recordings()) {
        if (!recording.has("legacy add")) continue;
        Answers answers(recording, "legacy addr");
        answers.with_child("/machine/peripheral", "ivshmemd.old", "ivshmem");
        const Taken taken = take(answers);
        const InventoryDevice& old = device_at(taken.inventory, "/machine/peripheral/ivshmemd.old");
        EXPECT_EQ(old.device.spec.name, "old");
        EXPECT_EQ(old.device.spec.model, Model::legacy);
        EXPECT_EQ(old.device.spec.role, Role::peer);
        EXPECT_EQ(old.device.spec.region, "busold");
        EXPECT_EQ(old.device.spec.server, std::nullopt);
        EXPECT_EQ(old.device.spec.slot, 4);
        EXPECT_EQ(old.chardev_id, "");
        return;
    }
    ADD_FAILURE() << "no recording has a legacy device";
}

// A string property without a value is "" in QOM: "legacy chardev" of the same recording.
TEST(InventoryQuery, KnowsNoRegionOfALegacyDeviceWithAServer) {
    const std::string old = "/machine/peripheral/ivshmemd.old";
    for (const Recording& recording : test::recordings()) {
        if (!recording.has("legacy add")) continue;
        for (const char* no_name : {"", "/"}) {
            Answers answers(recording, "legacy addr");
            answers.with_child("/machine/peripheral", "ivshmemd.old", "ivshmem")
                .with_get(old, "shm", no_name)
                .with_get(old, "chardev", "ivshmemd.old.chr");
            const Taken taken = take(answers);
            const InventoryDevice& device = device_at(taken.inventory, old);
            EXPECT_EQ(device.memory_path, "");
            EXPECT_EQ(device.device.spec.region, std::nullopt);
            EXPECT_TRUE(device.device.has_server);
        }
    }
}

}  // namespace
}  // namespace ivshmemd::qmp
