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

std::vector<std::string> arguments_of(const Inventory& inventory, const ReceiverFacts& facts = {}) {
    const Result<ReceiverStart> start = receiver_arguments(inventory, facts);
    EXPECT_TRUE(start) << start.error().message;
    return start ? start->arguments : std::vector<std::string>();
}

/// A plain master on this backend.
Inventory inventory_of(const Backend& backend) {
    Inventory inventory;
    inventory.devices = {master_of(Model::plain)};
    inventory.devices[0].device.qom_path = "/machine/peripheral/ivshmemd.m";
    inventory.devices[0].backend_id = backend.id;
    inventory.backends = {backend};
    return inventory;
}

Backend shared_file(const std::string& path) {
    return {.id = "m0", .path = path, .size = 4096, .share = true, .type = "memory-backend-file"};
}

TEST(ReceiverArguments, RepeatIdsSizesAndSlots) {
    Inventory inventory;
    inventory.devices = {master_of(Model::plain)};
    inventory.devices[0].backend_id = "ivshmemd.m.mem.2";
    inventory.backends = {{"unused", "/x", 4096, true},
                          {"ivshmemd.m.mem.2", "/dev/shm/a,b", 1 << 20, true}};
    EXPECT_THAT(arguments_of(inventory),
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
    inventory.devices[0].backend_id = "m0";
    inventory.backends = {{"m0", "/x", 4096, true}};
    Bus& bus = inventory.buses.emplace_back();
    bus.name = bus.path = "/machine/peripheral/rp1/pcie.0";
    bus.address = "/q35-pcihost/pcie.0/rp1";
    EXPECT_THAT(arguments_of(inventory).back(),
                testing::HasSubstr(",bus=/q35-pcihost/pcie.0/rp1,addr=00"));
}

TEST(ReceiverArguments, LeavePeersOut) {
    Inventory inventory;
    inventory.devices = {master_of(Model::plain)};
    inventory.devices[0].device.spec.role = Role::peer;
    inventory.devices[0].backend_id = "ivshmemd.m.mem";
    inventory.backends = {{"ivshmemd.m.mem", "/x", 1 << 20, true}};
    EXPECT_THAT(arguments_of(inventory), IsEmpty());
}

TEST(ReceiverArguments, SpellALegacyDeviceAsItWas) {
    Inventory inventory;
    inventory.devices = {master_of(Model::legacy)};
    inventory.devices[0].device.spec.region = "m";
    inventory.devices[0].device.spec.slot = 31;
    EXPECT_THAT(arguments_of(inventory),
                ElementsAre("-device",
                            "ivshmem,id=ivshmemd.m,shm=m,size=1048576B,role=master,"
                            "bus=rp1,addr=1f"));
}

TEST(ReceiverArguments, NameNoIdWhereThereIsNone) {
    Inventory inventory;
    inventory.devices = {master_of(Model::plain)};
    inventory.devices[0].id = "";
    inventory.devices[0].backend_id = "m0";
    inventory.backends = {{"m0", "/x", 4096, true}};
    EXPECT_EQ(arguments_of(inventory).back(), "ivshmem-plain,memdev=m0,master=on,bus=rp1,addr=00");
}

TEST(ReceiverArguments, NameTheFileOfALegacyDeviceWhereverRegionsAre) {
    Inventory inventory;
    inventory.devices = {master_of(Model::legacy)};
    inventory.devices[0].memory_path = "/dev/shm/theirs";
    EXPECT_THAT(arguments_of(inventory).back(), testing::HasSubstr(",shm=theirs,"));
}

TEST(ReceiverArguments, HaveWhatIsNotTheDefaultOfABackend) {
    Backend backend = shared_file("/x");
    EXPECT_EQ(arguments_of(inventory_of(backend))[1],
              "memory-backend-file,id=m0,size=4096,mem-path=/x,share=on");
    backend.offset = 8192;
    EXPECT_EQ(arguments_of(inventory_of(backend), {{{"m0", ",align=4096,pmem=on"}}, {}})[1],
              "memory-backend-file,id=m0,size=4096,mem-path=/x,share=on,offset=8192,align=4096,"
              "pmem=on");
    backend = shared_file("/x");
    backend.share = false;
    EXPECT_EQ(arguments_of(inventory_of(backend))[1],
              "memory-backend-file,id=m0,size=4096,mem-path=/x")
        << "private is the default";
    backend.read_only = true;
    backend.mapping.verified = true;
    backend.mapping.path = "/x";
    EXPECT_EQ(arguments_of(inventory_of(backend), {{{"m0", ",rom=off"}}, {}})[1],
              "memory-backend-file,id=m0,size=4096,mem-path=/x,readonly=on,rom=off")
        << "a copy that QEMU writes to";
}

TEST(ReceiverArguments, HaveTheFunctionOfASlot) {
    Inventory inventory = inventory_of(shared_file("/x"));
    const ReceiverFacts shown{{}, {"/machine/peripheral/ivshmemd.m"}};
    inventory.devices[0].device.spec.slot = 30;
    const auto ending = [&](const ReceiverFacts& facts) {
        const std::string device = arguments_of(inventory, facts).back();
        return device.substr(device.find(",addr="));
    };
    EXPECT_EQ(ending({}), ",addr=1e");
    EXPECT_EQ(ending(shown), ",addr=1e,multifunction=on");
    inventory.devices[0].function = 1;
    EXPECT_EQ(ending({}), ",addr=1e.1");
    EXPECT_EQ(ending(shown), ",addr=1e.1,multifunction=on");
}

struct Unreceivable {
    const char* what;
    Backend backend;
    const char* says;
};

Backend with_mapping(Backend backend, Mapping::Kind kind, const std::string& path) {
    backend.mapping.kind = kind;
    backend.mapping.verified = true;
    backend.mapping.path = path;
    return backend;
}

TEST(ReceiverArguments, RefuseMemoryThatNoOtherQemuCouldOpen) {
    const auto nameless = [](const std::string& type) {
        return Backend{.id = "m0", .path = {}, .size = 4096, .share = true, .type = type};
    };
    Backend read_only = shared_file("/f");
    read_only.read_only = true;
    using enum Mapping::Kind;
    const Unreceivable table[] = {
        {"memfd", nameless("memory-backend-memfd"), "a memory-backend-memfd, has no file"},
        {"ram", nameless("memory-backend-ram"), "a memory-backend-ram, has no file"},
        {"shm", nameless("memory-backend-shm"), "the id m0 and 4K"},
        {"folder", with_mapping(shared_file("/dev/shm"), anonymous, ""), "in folder /dev/shm"},
        {"descriptor", shared_file("/proc/self/fd/12"), "/proc/self/fd/12"},
        {"another's", shared_file("/proc/77/fd/3"), "to that QEMU only"},
        {"hidden", shared_file("/dev/../proc/self/fd/12"), "to that QEMU only"},
        {"fd", shared_file("/dev/fd/3"), "to that QEMU only"},
        {"found", with_mapping(shared_file("/proc/self/fd/12"), file, "/dev/shm/f"),
         "here it is the file /dev/shm/f"},
        {"read-only", read_only, "is read-only"},
        {"relative", shared_file("f"), "to that QEMU only"},
        {"replaced", with_mapping(shared_file("/f"), file, ""), "is not the file that is at /f"},
        {"unlinked", with_mapping(shared_file("/f"), file, "/proc/7/fd/3"), "is not the file"},
        {"elsewhere", with_mapping(shared_file("/f"), unknown, ""), "is not the file that is at"},
    };
    for (const Unreceivable& each : table) {
        const auto arguments = receiver_arguments(inventory_of(each.backend), {});
        ASSERT_FALSE(arguments) << each.what;
        const Error& error = arguments.error();
        EXPECT_EQ(error.kind, ErrorKind::config_unsupported);
        EXPECT_THAT(error.message,
                    testing::StartsWith("configuration unsupported: the memory of m"));
        EXPECT_THAT(error.message, testing::HasSubstr(each.says)) << each.what;
        ASSERT_EQ(error.details.size(), 1u);
        EXPECT_EQ(error.details[0].first, "reason");
    }
}

TEST(ReceiverArguments, ResolveARelativePathWhereItsFileIsKnown) {
    const Backend backend = with_mapping(shared_file("f"), Mapping::Kind::file, "/run/f");
    EXPECT_THAT(arguments_of(inventory_of(backend))[1], testing::HasSubstr(",mem-path=/run/f,"));
}

TEST(ReceiverArguments, RefuseADeviceWhoseParentsAreNotKnown) {
    Inventory inventory;
    inventory.devices = {master_of(Model::plain)};
    EXPECT_FALSE(receiver_arguments(inventory, {})) << "no backend";
}

}  // namespace
}  // namespace ivshmemd::qmp
