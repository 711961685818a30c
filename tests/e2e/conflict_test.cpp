#include <nlohmann/json.hpp>

#include "tests/e2e/machine.h"
#include "tests/support/json_text.h"

// What collides with a device that is there, and what is only the same request again.

namespace ivshmemd::test {
namespace {

using nlohmann::json;

class Conflict : public MachineTest {
  protected:
    /// Where the daemon would put this device.
    json planned_place(const std::string& name) {
        const json plan(
            expect_ctl_success(*daemon_, {"attach", "vm0", name, "--size", "1M", "--dry-run"}));
        return member(plan["commands"].back(), "arguments");
    }

    /// Another client's device goes exactly there, and QEMU tells nobody.
    void take_place(QemuVm& vm, const json& place, const std::string& id) {
        const json backend(vm.object_add_file(id + "-memory", regions_ / "theirs", 1 << 20));
        ASSERT_TRUE(backend.contains("return")) << backend;
        vm.spy().call("device_add", {{"driver", "ivshmem-plain"},
                                     {"id", id},
                                     {"memdev", id + "-memory"},
                                     {"bus", place["bus"]},
                                     {"addr", place["addr"]}});
    }
};

TEST_P(Conflict, IsToldFromARepetition) {
    if (has_old_ports()) GTEST_SKIP() << old_ports_keep;
    QemuVm vm(dir_.path(), traced(machine()));
    start_daemon({&vm});
    const json first(expect_ctl_success(*daemon_, {"attach", "vm0", "shm0", "--size", "1M"}));
    const json device(first["device"]);
    const std::string bus = first_bus();
    const std::string slot = std::to_string(device["slot"].get<int>());
    const json state(machine_state(vm));

    const std::vector<std::vector<std::string>> equal{{},
                                                      {"--size", "1M"},
                                                      {"--size", "1024K"},
                                                      {"--role", "peer"},
                                                      {"--region", "shm0"},
                                                      {"--model", "ivshmem-plain"},
                                                      {"--bus", bus},
                                                      {"--bus", bus, "--slot", slot}};
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
    expect_ctl_error(*daemon_, {"attach", "vm0", "b", "--size", "1M", "--bus", bus, "--slot", slot},
                     6, "SlotInUse");
    EXPECT_EQ(machine_state(vm), state);
    EXPECT_EQ(times_heard(vm, "device_add"), 1);
    EXPECT_EQ(files_in(regions_.path()), std::set<std::string>{"shm0"});
    detach_by_reset(vm, "shm0");
    EXPECT_EQ(qom_names(vm), std::set<std::string>{});
}

TEST_P(Conflict, BetweenTwoMastersOfARegionIsRefused) {
    QemuVm first(dir_.path(), machine({.name = "first"}));
    QemuVm second(dir_.path(), traced(machine({.name = "second"})));
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

TEST_P(Conflict, OverASlotIsSettledByAnotherOne) {
    QemuVm vm(dir_.path(), traced(machine()));
    start_daemon({&vm});
    const json place(planned_place("a"));
    take_place(vm, place, "theirs");
    const json device(
        expect_ctl_success(*daemon_, {"attach", "vm0", "a", "--size", "1M"})["device"]);
    EXPECT_NE(std::pair(device["bus"], device["slot"]),
              std::pair(find_device(*daemon_, "vm0", "theirs")["bus"],
                        find_device(*daemon_, "vm0", "theirs")["slot"]));
    EXPECT_EQ(times_heard(vm, "device_add"), 3) << "theirs, and ours twice";
    EXPECT_EQ(qom_names(vm), (std::set<std::string>{"theirs-memory", "ivshmemd.a.mem"}));

    // Who named the slot gets no other.
    const json wanted(planned_place("b"));
    take_place(vm, wanted, "theirs2");
    const std::string slot = std::to_string(std::stoi(wanted.value("addr", ""), nullptr, 16));
    expect_ctl_error(
        *daemon_,
        {"attach", "vm0", "b", "--size", "1M", "--bus", wanted.value("bus", ""), "--slot", slot}, 6,
        "SlotInUse");
    EXPECT_EQ(qom_names(vm),
              (std::set<std::string>{"theirs-memory", "theirs2-memory", "ivshmemd.a.mem"}));
    EXPECT_EQ(files_in(regions_.path()), (std::set<std::string>{"a", "theirs"}));
}

INSTANTIATE_TEST_SUITE_P(, Conflict, testing::ValuesIn(all_machines()), machine_name);

}  // namespace
}  // namespace ivshmemd::test
