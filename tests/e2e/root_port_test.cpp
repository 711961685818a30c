#include <gmock/gmock.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/e2e/machine.h"
#include "tests/support/json_text.h"

// q35, whose root bus takes no hotplug: a device needs a root port of its own.

namespace ivshmemd::test {
namespace {

using nlohmann::json;
using testing::HasSubstr;

class RootPort : public MachineTest {
  protected:
    json attach(const std::string& name, const std::vector<std::string>& options = {}) {
        std::vector<std::string> arguments{"attach", "q0", name, "--size", "1M"};
        arguments.insert(arguments.end(), options.begin(), options.end());
        return member(expect_ctl_success(*daemon_, arguments), "device");
    }
};

TEST_P(RootPort, IsTheLastEmptyOneEvenBeforeTheFirmwareRan) {
    if (has_old_ports()) GTEST_SKIP() << old_ports_keep;
    QemuVm vm(dir_.path(), machine({.name = "q0", .paused = true}));
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

TEST_P(RootPort, IsNeverTheRootBusItself) {
    VmOptions options = machine({.name = "q0"});
    options.root_ports = 0;
    QemuVm vm(dir_.path(), options);
    start_daemon({&vm});
    const json error(
        expect_ctl_error(*daemon_, {"attach", "q0", "a", "--size", "1M"}, 1, "NoFreeSlot"));
    EXPECT_THAT(error.value("message", ""), HasSubstr("-device pcie-root-port"));
    EXPECT_EQ(qom_names(vm), std::set<std::string>{});
    EXPECT_EQ(files_in(regions_.path()), std::set<std::string>{});
}

TEST_P(RootPort, RestsBeforeItIsUsedAgain) {
    if (has_old_ports()) GTEST_SKIP() << old_ports_keep;
    QemuVm vm(dir_.path(), machine({.name = "q0", .root_ports = 1}));
    start_daemon({&vm});
    attach("a");
    const auto start = std::chrono::steady_clock::now();
    detach_by_reset(vm, "a");
    EXPECT_EQ(member(attach("b"), "bus"), "rp0");
    EXPECT_GE(std::chrono::steady_clock::now() - start, std::chrono::seconds(2));
}

TEST_P(RootPort, ThatAnotherClientTookLeavesNothingBehind) {
    QemuVm vm(dir_.path(), machine({.name = "q0", .root_ports = 1}));
    start_daemon({&vm});
    add_foreign_device(vm, "theirs", "rp0");
    const std::set<std::string> files = files_in(regions_.path());
    expect_ctl_error(*daemon_, {"attach", "q0", "a", "--size", "1M"}, 1, "NoFreeSlot");
    EXPECT_EQ(qom_names(vm), std::set<std::string>{"theirs-memory"});
    EXPECT_EQ(files_in(regions_.path()), files);
}

/// The arguments in an error's text that a QEMU is to be started with.
std::vector<std::string> advised_arguments(const json& error) {
    const std::string message = error.value("message", "");
    std::istringstream words(message.substr(message.find("-device")));
    std::string option, value;
    words >> option >> value;
    if (value.ends_with(',')) value.pop_back();  // of the sentence
    return {option, value};
}

TEST_P(RootPort, IsAddedWithRoomAsTheErrorAdvises) {
    VmOptions options = machine({.name = "q0", .root_ports = 1, .guest = true});
    std::optional<QemuVm> vm;
    vm.emplace(dir_.path(), options);
    start_daemon({&*vm});
    vm->wait_guest_ready();
    // Two megabytes is the window of a port that was given no more.
    const json error(
        expect_ctl_error(*daemon_, {"attach", "q0", "big", "--size", "4M"}, 1, "NoFreeSlot"));
    const std::vector<std::string> advice = advised_arguments(error);
    EXPECT_THAT(advice[1], HasSubstr(",pref64-reserve=8M"));
    attach("a");
    EXPECT_EQ(qom_names(*vm), std::set<std::string>{"ivshmemd.a.mem"});
    const json full(
        expect_ctl_error(*daemon_, {"attach", "q0", "b", "--size", "1M"}, 1, "NoFreeSlot"));
    EXPECT_EQ(advised_arguments(full)[1] + ",pref64-reserve=8M", advice[1]) << full;

    vm.reset();
    options.extra.insert(options.extra.end(), advice.begin(), advice.end());
    options.paused = true;
    vm.emplace(dir_.path(), options);
    wait_connected("q0");
    const json device(
        expect_ctl_success(*daemon_, {"attach", "q0", "big", "--size", "4M"})["device"]);
    EXPECT_EQ(member(device, "bus"), "shm1");
    vm->resume();
    vm->wait_guest_ready();
    EXPECT_TRUE(eventually(boot_deadline(), [&] {
        return vm->guest("shm list").output.ends_with(" 4194304\n");
    })) << "the guest has found room for it";
}

INSTANTIATE_TEST_SUITE_P(, RootPort, testing::ValuesIn(q35_machines()), machine_name);

}  // namespace
}  // namespace ivshmemd::test
