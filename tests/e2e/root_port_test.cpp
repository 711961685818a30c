#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "tests/e2e/hotplug_test.h"
#include "tests/support/json_text.h"

// q35, whose root bus takes no hotplug: a device needs a root port of its own.

namespace ivshmemd::test {
namespace {

using nlohmann::json;
using testing::HasSubstr;

class RootPort : public HotplugTest {
  protected:
    json attach(const std::string& name, const std::vector<std::string>& options = {}) {
        std::vector<std::string> arguments{"attach", "q0", name, "--size", "1M"};
        arguments.insert(arguments.end(), options.begin(), options.end());
        return member(expect_ctl_success(*daemon_, arguments), "device");
    }
};

TEST_F(RootPort, IsTheLastEmptyOneEvenBeforeTheFirmwareRan) {
    QemuVm vm(dir_.path(), {.name = "q0", .machine = "q35", .root_ports = 3, .paused = true});
    start_daemon({&vm});
    const json before(expect_ctl_success(*daemon_, {"probe", "q0"}));
    std::map<std::string, json> buses;
    for (const json& bus : before["capabilities"]["buses"]) buses[bus["name"]] = bus;
    EXPECT_EQ(member(buses["pcie.0"], "hotpluggable"), false) << before;
    for (const char* port : {"rp0", "rp1", "rp2"}) {
        EXPECT_EQ(member(buses[port], "hotpluggable"), true) << port;
        EXPECT_EQ(member(buses[port], "freeSlots"), json::array({0})) << port;
    }

    const json first(attach("a"));
    EXPECT_EQ(member(first, "bus"), "rp2");
    EXPECT_EQ(member(first, "slot"), 0);
    EXPECT_EQ(member(first, "guestMapped"), false);
    EXPECT_EQ(member(first, "guestAddress"), nullptr);
    EXPECT_EQ(qom_get(vm, "/machine/peripheral/ivshmemd.a", "addr"), 0);
    expect_ctl_error(*daemon_, {"attach", "q0", "x", "--size", "1M", "--bus", "rp2", "--slot", "0"},
                     6, "SlotInUse");
    EXPECT_EQ(member(attach("b", {"--bus", "rp0"}), "bus"), "rp0");
    EXPECT_EQ(member(attach("c"), "bus"), "rp1");

    const json full(
        expect_ctl_error(*daemon_, {"attach", "q0", "d", "--size", "1M"}, 1, "NoFreeSlot"));
    EXPECT_THAT(full.value("message", ""), HasSubstr("-device pcie-root-port"));
    EXPECT_EQ(list_devices(*daemon_, "q0").size(), 3u);
    EXPECT_EQ(files_in(regions_.path()), (std::set<std::string>{"a", "b", "c"}));
    EXPECT_EQ(qom_names(vm),
              (std::set<std::string>{"ivshmemd.a.mem", "ivshmemd.b.mem", "ivshmemd.c.mem"}));

    vm.resume();
    ASSERT_TRUE(eventually(
        soon(), [&] { return member(find_vm(*daemon_, "q0"), "runState") == "running"; }));
    detach_by_reset(vm, "a");
    EXPECT_FALSE(qom_names(vm).contains("ivshmemd.a.mem"));
    EXPECT_EQ(member(attach("d"), "bus"), "rp2") << "the only one, so it waits until it may";
}

TEST_F(RootPort, IsNeverTheRootBusItself) {
    QemuVm vm(dir_.path(), {.name = "q0", .machine = "q35"});
    start_daemon({&vm});
    const json error(
        expect_ctl_error(*daemon_, {"attach", "q0", "a", "--size", "1M"}, 1, "NoFreeSlot"));
    EXPECT_THAT(error.value("message", ""), HasSubstr("-device pcie-root-port"));
    EXPECT_EQ(qom_names(vm), std::set<std::string>{});
    EXPECT_EQ(files_in(regions_.path()), std::set<std::string>{});
}

TEST_F(RootPort, OfABootedGuestTakesAndGivesBack) {
    QemuVm vm(dir_.path(), {.name = "q0", .machine = "q35", .root_ports = 2, .guest = true});
    start_daemon({&vm});
    vm.wait_guest_ready();
    const json before(machine_state(vm));
    attach("a");
    ASSERT_TRUE(eventually(boot_deadline(), [&] {
        return member(find_device(*daemon_, "q0", "a"), "guestMapped") == true;
    }));
    const json device(find_device(*daemon_, "q0", "a"));
    EXPECT_EQ(member(device, "bus"), "rp1");
    EXPECT_EQ(member(device, "guestAddress"), "0000:02:00.0");
    write_file(region_file("a"), 64, "behind a port");
    EXPECT_TRUE(eventually(boot_deadline(), [&] {
        return vm.guest("shm -d 0000:02:00.0 read 64 13").output == "behind a port";
    }));
    // Two megabytes is the window of a port that was given no more.
    const json error(
        expect_ctl_error(*daemon_, {"attach", "q0", "b", "--size", "4M"}, 1, "NoFreeSlot"));
    EXPECT_THAT(error.value("message", ""), HasSubstr("pref64-reserve"));
    expect_ctl_success(*daemon_, {"detach", "q0", "a"});
    EXPECT_EQ(machine_state(vm), before);
}

}  // namespace
}  // namespace ivshmemd::test
