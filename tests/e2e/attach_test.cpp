#include <sys/stat.h>

#include <nlohmann/json.hpp>

#include "tests/e2e/machine.h"
#include "tests/support/exhaustive.h"
#include "tests/support/json_text.h"

// A device's whole life in a booted guest.

namespace ivshmemd::test {
namespace {

using nlohmann::json;

class Attach : public MachineTest {};
class AttachMuch : public MachineTest {};

json plain_peer(const std::string& vm, const std::string& name, const std::string& bus,
                uint64_t size) {
    return {{"vm", vm},
            {"name", name},
            {"model", "ivshmem_plain"},
            {"role", "peer"},
            {"size", size},
            {"region", name},
            {"bus", bus},
            {"interrupts", "none"},
            {"origin", "managed"},
            {"blocksMigration", true},
            {"stale", false},
            {"qomPath", "/machine/peripheral/ivshmemd." + name}};
}

TEST_P(Attach, SharesMemoryWithTheGuestAndLeavesNothingBehind) {
    QemuVm vm(dir_.path(), machine({.guest = true}));
    start_daemon({&vm});
    vm.wait_guest_ready();
    const json machine_before(machine_state(vm));
    const auto descriptors_before = open_descriptors(daemon_->process().pid());

    const json reply(expect_ctl_success(*daemon_, {"attach", "vm0", "shm0", "--size", "1M"}));
    EXPECT_EQ(member(reply, "changed"), true);
    EXPECT_EQ(member(reply, "commands"), nullptr);
    expect_members(member(reply, "device"), plain_peer("vm0", "shm0", first_bus(), 1 << 20));

    struct stat status {};
    ASSERT_EQ(::stat(region_file("shm0").c_str(), &status), 0);
    EXPECT_TRUE(S_ISREG(status.st_mode));
    EXPECT_EQ(status.st_mode & 07777, 0660u);
    EXPECT_EQ(status.st_size, 1 << 20);
    EXPECT_GE(status.st_blocks * 512, 1 << 20) << "not reserved: a full tmpfs would kill the VM";

    ASSERT_TRUE(wait_mapped(vm, "shm0"));
    const json device(find_device(*daemon_, "vm0", "shm0"));
    expect_members(device, plain_peer("vm0", "shm0", first_bus(), 1 << 20));
    expect_members(device, {{"state", "attached"}, {"guestAddress", guest_address(device)}});
    const json shown(expect_ctl_success(*daemon_, {"show", "vm0", "shm0"}));
    EXPECT_EQ(member(shown, "devices"), json::array({device})) << shown;
    EXPECT_EQ(qom_get(vm, "/machine/peripheral/ivshmemd.shm0", "master"), "off");
    EXPECT_EQ(qom_get(vm, "/machine/peripheral/ivshmemd.shm0", "memdev"),
              "/objects/ivshmemd.shm0.mem");
    EXPECT_EQ(qom_get(vm, "/objects/ivshmemd.shm0.mem", "share"), true);

    write_file(region_file("shm0"), 64, "from the host");
    EXPECT_EQ(vm.guest("shm read 64 13").output, "from the host");
    EXPECT_EQ(vm.guest("shm write 128 'from the guest'").status, 0);
    EXPECT_EQ(read_file(region_file("shm0"), 128, 14), "from the guest");

    detach("vm0", "shm0");
    EXPECT_EQ(machine_state(vm), machine_before);
    EXPECT_EQ(list_devices(*daemon_, "vm0"), json::array());
    EXPECT_TRUE(wait_descriptors(descriptors_before))
        << testing::PrintToString(open_descriptors(daemon_->process().pid())) << " were "
        << testing::PrintToString(descriptors_before);
    EXPECT_EQ(read_file(region_file("shm0"), 128, 14), "from the guest");

    // Again, as a master this time, and the region goes as well.
    const json master(expect_ctl_success(*daemon_, {"attach", "vm0", "shm0", "--role", "master"}));
    expect_members(member(master, "device"),
                   {{"role", "master"}, {"size", 1 << 20}, {"blocksMigration", false}});
    EXPECT_EQ(qom_get(vm, "/machine/peripheral/ivshmemd.shm0", "master"), "on");
    ASSERT_TRUE(wait_mapped(vm, "shm0"));
    EXPECT_EQ(vm.guest("shm read 128 14").output, "from the guest") << "the region was kept";
    detach("vm0", "shm0", {"--remove-region"});
    EXPECT_EQ(files_in(regions_.path()), std::set<std::string>{});
    EXPECT_EQ(machine_state(vm), machine_before);
    EXPECT_TRUE(vm.alive());
}

TEST_P(AttachMuch, LetsTwoMachinesShareOneRegion) {
    QemuVm reader(dir_.path(), machine({.name = "reader", .guest = true}));
    QemuVm writer(dir_.path(), machine({.name = "writer", .guest = true}));
    start_daemon({&reader, &writer});
    reader.wait_guest_ready();
    writer.wait_guest_ready();
    expect_ctl_success(*daemon_, {"attach", "reader", "a", "--region", "both", "--size", "1M",
                                  "--role", "master"});
    // The second one takes the size from the region.
    const json second(expect_ctl_success(*daemon_, {"attach", "writer", "b", "--region", "both"}));
    expect_members(member(second, "device"), {{"size", 1 << 20}, {"region", "both"}});

    ASSERT_TRUE(wait_mapped(reader, "a"));
    ASSERT_TRUE(wait_mapped(writer, "b"));
    EXPECT_EQ(writer.guest("shm write 4096 'from one guest to the other'").status, 0);
    EXPECT_EQ(reader.guest("shm read 4096 27").output, "from one guest to the other");

    const json kept(expect_ctl_success(*daemon_, {"detach", "reader", "a", "--remove-region"},
                                       boot_deadline()));
    EXPECT_NE(member(kept, "regionKept").get<std::string>().find("writer/b"), std::string::npos);
    EXPECT_EQ(files_in(regions_.path()), std::set<std::string>{"both"}) << "still used";
    detach("writer", "b", {"--remove-region"});
    EXPECT_EQ(files_in(regions_.path()), std::set<std::string>{});
}

TEST_P(AttachMuch, SurvivesManyCyclesOfOneName) {
    // A slot that was left rests for two seconds: more ports, less waiting.
    QemuVm vm(dir_.path(), machine({.root_ports = 12, .guest = true}));
    start_daemon({&vm});
    vm.wait_guest_ready();
    const json before(machine_state(vm));
    const auto descriptors_before = open_descriptors(daemon_->process().pid());
    std::set<std::pair<json, json>> places;
    const int cycles = GetParam().native       ? 3
                       : !exhaustive()         ? 40
                       : GetParam().root_ports ? 50
                                               : 200;
    for (int cycle = 0; cycle < cycles; ++cycle) {
        SCOPED_TRACE(cycle);
        const json reply(
            call_api(*daemon_, "Attach", {{"vm", "vm0"}, {"name", "shm0"}, {"size", 1 << 20}}));
        ASSERT_EQ(error_of(reply), "") << reply;
        const json device(member(member(reply, "parameters"), "device"));
        places.emplace(member(device, "bus"), member(device, "slot"));
        const auto objects = qom_names(vm);
        ASSERT_TRUE(objects.contains("ivshmemd.shm0.mem")) << testing::PrintToString(objects);
        const json gone(
            call_api(*daemon_, "Detach", {{"vm", "vm0"}, {"name", "shm0"}}, boot_deadline()));
        ASSERT_EQ(member(gone, "parameters"), json({{"result", "removed"}})) << gone;
    }
    EXPECT_EQ(machine_state(vm), before);
    EXPECT_EQ(list_devices(*daemon_, "vm0"), json::array());
    EXPECT_GT(places.size(), 1u) << "a slot that was just left is not used again at once";
    EXPECT_TRUE(wait_descriptors(descriptors_before));
    EXPECT_TRUE(vm.alive());
    EXPECT_EQ(vm.guest("echo well").output, "well\n");
}

INSTANTIATE_TEST_SUITE_P(Arm, Attach, testing::Values(arm_machine()), machine_name);
INSTANTIATE_TEST_SUITE_P(, Attach, testing::ValuesIn(all_machines()), machine_name);
INSTANTIATE_TEST_SUITE_P(, AttachMuch, testing::ValuesIn(all_machines()), machine_name);

}  // namespace
}  // namespace ivshmemd::test
