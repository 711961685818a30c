#include <nlohmann/json.hpp>

#include "tests/e2e/hotplug_test.h"
#include "tests/support/json_text.h"

// What collides with a device that is there, and what is only the same request again.

namespace ivshmemd::test {
namespace {

using nlohmann::json;

class Conflict : public HotplugTest {};

TEST_F(Conflict, IsToldFromARepetition) {
    QemuVm vm(dir_.path(), traced({.name = "vm0"}));
    start_daemon({&vm});
    const json first(expect_ctl_success(*daemon_, {"attach", "vm0", "shm0", "--size", "1M"}));
    const json device(first["device"]);
    const std::string slot = std::to_string(device["slot"].get<int>());
    const json state(machine_state(vm));

    const std::vector<std::vector<std::string>> equal{{},
                                                      {"--size", "1M"},
                                                      {"--size", "1024K"},
                                                      {"--role", "peer"},
                                                      {"--region", "shm0"},
                                                      {"--model", "ivshmem-plain"},
                                                      {"--bus", "pci.0"},
                                                      {"--bus", "pci.0", "--slot", slot}};
    for (const auto& options : equal) {
        std::vector<std::string> arguments{"attach", "vm0", "shm0"};
        arguments.insert(arguments.end(), options.begin(), options.end());
        const json again(expect_ctl_success(*daemon_, arguments));
        EXPECT_EQ(member(again, "changed"), false) << testing::PrintToString(options);
        EXPECT_EQ(again["device"]["qomPath"], device["qomPath"]);
    }
    const std::vector<std::vector<std::string>> different{
        {"--role", "master"}, {"--size", "2M"}, {"--region", "other"}, {"--slot", "5"}};
    for (const auto& options : different) {
        std::vector<std::string> arguments{"attach", "vm0", "shm0"};
        arguments.insert(arguments.end(), options.begin(), options.end());
        expect_ctl_error(*daemon_, arguments, 6, "DeviceExists");
    }
    expect_ctl_error(*daemon_, {"attach", "vm0", "b", "--size", "1M", "--slot", slot}, 6,
                     "SlotInUse");
    EXPECT_EQ(machine_state(vm), state);
    EXPECT_EQ(times_heard(vm, "device_add"), 1);
    EXPECT_EQ(files_in(regions_.path()), std::set<std::string>{"shm0"});
    detach_by_reset(vm, "shm0");
    EXPECT_EQ(qom_names(vm), std::set<std::string>{});
}

TEST_F(Conflict, BetweenTwoMastersOfARegionIsRefused) {
    QemuVm first(dir_.path(), {.name = "first"});
    QemuVm second(dir_.path(), traced({.name = "second"}));
    start_daemon({&first, &second});
    expect_ctl_success(
        *daemon_, {"attach", "first", "a", "--region", "both", "--size", "1M", "--role", "master"});
    // A hard link is the same region.
    std::filesystem::create_hard_link(region_file("both"), region_file("alias"));
    for (const char* vm : {"first", "second"}) {
        for (const char* region : {"both", "alias"}) {
            const json error(expect_ctl_error(
                *daemon_, {"attach", vm, "b", "--region", region, "--role", "master"}, 6,
                "MasterExists"));
            EXPECT_EQ(member(error, "holder"), "first/a");
        }
    }
    EXPECT_EQ(times_heard(second, "device_add"), 0);
    expect_ctl_success(*daemon_, {"attach", "second", "b", "--region", "both"});
}

}  // namespace
}  // namespace ivshmemd::test
