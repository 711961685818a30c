#include "proto/qmp/command_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ivshmemd::qmp {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

InventoryDevice master_of(Model model) {
    InventoryDevice entry;
    entry.id = "ivshmemd.m";
    entry.device.spec.name = "m";
    entry.device.spec.model = model;
    entry.device.spec.role = Role::master;
    entry.device.spec.size = 1 << 20;
    entry.device.spec.bus = "rp1";
    entry.device.spec.slot = 0;
    return entry;
}

TEST(ReceiverArguments, RepeatIdsSizesAndSlots) {
    Inventory inventory;
    inventory.devices = {master_of(Model::plain)};
    inventory.devices[0].backend_id = "ivshmemd.m.mem.2";
    inventory.backends = {{"unused", "/x", 4096, true},
                          {"ivshmemd.m.mem.2", "/dev/shm/a,b", 1 << 20, true}};
    EXPECT_THAT(receiver_arguments(inventory),
                ElementsAre("-object",
                            "memory-backend-file,id=ivshmemd.m.mem.2,size=1048576,"
                            "mem-path=/dev/shm/a,,b,share=on",
                            "-device",
                            "ivshmem-plain,id=ivshmemd.m,memdev=ivshmemd.m.mem.2,master=on,"
                            "bus=rp1,addr=00"));
}

TEST(ReceiverArguments, NameABusAsQemuFindsIt) {
    Inventory inventory;
    inventory.devices = {master_of(Model::plain)};
    inventory.devices[0].device.spec.bus = "/machine/peripheral/rp1/pcie.0";
    Bus& bus = inventory.buses.emplace_back();
    bus.name = bus.path = "/machine/peripheral/rp1/pcie.0";
    bus.address = "/q35-pcihost/pcie.0/rp1";
    EXPECT_THAT(receiver_arguments(inventory).back(),
                testing::HasSubstr(",bus=/q35-pcihost/pcie.0/rp1,addr=00"));
}

TEST(ReceiverArguments, LeavePeersOut) {
    Inventory inventory;
    inventory.devices = {master_of(Model::plain)};
    inventory.devices[0].device.spec.role = Role::peer;
    inventory.devices[0].backend_id = "ivshmemd.m.mem";
    inventory.backends = {{"ivshmemd.m.mem", "/x", 1 << 20, true}};
    EXPECT_THAT(receiver_arguments(inventory), IsEmpty());
}

TEST(ReceiverArguments, ConnectADoorbellToItsServer) {
    Inventory inventory;
    inventory.devices = {master_of(Model::doorbell)};
    inventory.devices[0].chardev_id = "ivshmemd.m.chr";
    inventory.devices[0].device.spec.server = "/run/bell.sock";
    inventory.devices[0].device.spec.vectors = 2;
    EXPECT_THAT(receiver_arguments(inventory),
                ElementsAre("-chardev", "socket,id=ivshmemd.m.chr,path=/run/bell.sock", "-device",
                            "ivshmem-doorbell,id=ivshmemd.m,chardev=ivshmemd.m.chr,vectors=2,"
                            "ioeventfd=on,master=on,bus=rp1,addr=00"));
}

TEST(ReceiverArguments, SpellALegacyDeviceAsItWas) {
    Inventory inventory;
    inventory.devices = {master_of(Model::legacy)};
    inventory.devices[0].device.spec.region = "m";
    inventory.devices[0].device.spec.slot = 31;
    EXPECT_THAT(receiver_arguments(inventory),
                ElementsAre("-device",
                            "ivshmem,id=ivshmemd.m,shm=m,size=1048576B,role=master,"
                            "bus=rp1,addr=1f"));
}

TEST(ReceiverArguments, NameNoIdWhereThereIsNone) {
    Inventory inventory;
    inventory.devices = {master_of(Model::plain)};
    inventory.devices[0].id = "";
    inventory.devices[0].backend_id = "m0";
    EXPECT_EQ(receiver_arguments(inventory).back(),
              "ivshmem-plain,memdev=m0,master=on,bus=rp1,addr=00");
}

}  // namespace
}  // namespace ivshmemd::qmp
