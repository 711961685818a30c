#include <gmock/gmock.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/e2e/hotplug_test.h"
#include "tests/support/json_text.h"

// Machines with hundreds of ports, devices and long names: the daemon reads them, and answers. How
// long that takes is for the benchmarks to say.

namespace ivshmemd::test {
namespace {

using nlohmann::json;

class LargeMachine : public HotplugTest {
  protected:
    void start(const QemuVm& vm) {
        daemon_.emplace(
            DaemonOptions{.vms = {{vm.name(), vm.qmp_socket()}}, .region_dir = regions_.path()});
        wait_connected(vm.name(), boot_deadline());
    }

    json buses() {
        const json reply(expect_ctl_success(*daemon_, {"probe", "vm0"}));
        return member(member(reply, "capabilities"), "buses");
    }

    json devices() { return member(expect_ctl_success(*daemon_, {"list", "vm0"}), "devices"); }

    /// Attaches one, which all that are asked then see.
    json attach() {
        const json reply(expect_ctl_success(*daemon_, {"attach", "vm0", "shm0", "--size", "1M"}));
        return member(reply, "device");
    }
};

void add(VmOptions& options, const std::string& device) {
    options.extra.insert(options.extra.end(), {"-device", device});
}

std::string number(int value) {
    return std::to_string(value);
}

/// A slot as QEMU takes it.
std::string hex(int value) {
    std::ostringstream text;
    text << "0x" << std::hex << value;
    return text.str();
}

TEST_F(LargeMachine, WithTwoHundredRootPortsIsRead) {
    constexpr int ports = 200, functions = 8;
    VmOptions options{.machine = "q35", .paused = true};
    for (int i = 0; i < ports; ++i) {
        const std::string first = i % functions == 0 ? ",multifunction=on" : "";
        add(options, "pcie-root-port,id=rp" + number(i) + ",chassis=" + number(i + 1) +
                         ",slot=" + number(i + 1) + ",addr=" + hex(i / functions + 1) + "." +
                         number(i % functions) + first);
    }
    QemuVm vm(dir_.path(), options);
    start(vm);
    const json device(attach());
    EXPECT_EQ(device["bus"], "rp199");
    const json shown(buses());
    ASSERT_EQ(shown.size(), 1u + ports);
    EXPECT_EQ(shown[0]["name"], "pcie.0");
    for (int i = 0; i < ports; ++i) {
        const json& bus = shown[static_cast<std::size_t>(i) + 1];
        const std::string name = "rp" + number(i);
        EXPECT_EQ(bus["name"], name);
        EXPECT_EQ(bus["kind"], "port");
        EXPECT_EQ(bus["path"], "/machine/peripheral/" + name + "/" + name);
        EXPECT_EQ(bus["usable"], json(name) == device["bus"] ? json::array() : json::array({0}))
            << bus;
    }
    EXPECT_EQ(devices(), json::array({device}));
}

std::string bridge(int value) {
    return (value < 10 ? "br0" : "br") + number(value);
}

TEST_F(LargeMachine, WithFiveHundredDevicesIsRead) {
    constexpr int count = 500, behind_one = 31;
    VmOptions options{.paused = true};
    for (int i = 0; i * behind_one < count; ++i) {
        // Those after the eighth are behind the first ones.
        const std::string place = i < 8 ? "pci.0,addr=" + hex(i + 3) : bridge(i - 8) + ",addr=0x1f";
        add(options, "pci-bridge,id=" + bridge(i) + ",chassis_nr=" + number(i + 1) +
                         ",shpc=off,bus=" + place);
    }
    for (int i = 0; i < count; ++i) {
        const std::string id = i % 2 ? ",id=dev" + number(i) : "";
        add(options,
            "pci-testdev,bus=" + bridge(i / behind_one) + ",addr=" + hex(i % behind_one) + id);
    }
    QemuVm vm(dir_.path(), options);
    add_foreign_device(vm, "theirs", "br16");
    add_foreign_device(vm, "nameless", "br16", true);
    start(vm);
    attach();
    std::set<std::string> names;
    for (const json& device : devices()) names.insert(device["name"]);
    EXPECT_THAT(names, testing::ElementsAre(testing::StartsWith("device["), "shm0", "theirs"));
    const json shown(buses());
    ASSERT_EQ(shown.size(), 18u);
    for (const json& bus : shown) {
        EXPECT_EQ(bus["usable"].empty(), bus["name"] < "br09") << bus;
    }
}

std::string long_name(int i) {
    return "o" + number(1000 + i) + std::string(2995, 'n');
}

TEST_F(LargeMachine, WithNamesOfThreeThousandCharactersIsRead) {
    QemuVm vm(dir_.path(), {.paused = true});
    for (int i = 0; i < 400; ++i) {
        json object{{"id", long_name(i)}, {"qom-type", "rng-builtin"}};
        if (i % 2) object.update({{"qom-type", "memory-backend-ram"}, {"size", 4096}});
        vm.spy().call("object-add", object);
    }
    EXPECT_GT(vm.spy().call("qom-list", {{"path", "/objects"}}).dump().size(), 1'200'000u);
    start(vm);
    EXPECT_EQ(devices(), json::array());
    const json device(attach());
    EXPECT_EQ(buses().size(), 1u);
    const json shown(devices());
    ASSERT_EQ(shown.size(), 1u);
    EXPECT_EQ(shown[0]["qomPath"], device["qomPath"]);
    EXPECT_EQ(shown[0]["stale"], false);
}

/// QEMU reads a question byte by byte, and needs a while for those about so many files.
TEST_F(LargeMachine, IsNamedByTheDoctorUntilItIsConnected) {
    QemuVm vm(dir_.path(), {.paused = true});
    for (int i = 0; i < 100; ++i) {
        vm.object_add_file(long_name(i), region_file("file" + number(i)), 4096);
    }
    QemuVm held(dir_.path(), {.name = "held", .paused = true});
    const QmpClient holder(held.qmp_socket(), soon());
    daemon_.emplace(DaemonOptions{.vms = {{"vm0", vm.qmp_socket()},
                                          {"held", held.qmp_socket()},
                                          {"absent", dir_ / "absent.qmp"}},
                                  .region_dir = regions_.path()});
    const auto named = [&] {
        std::set<std::string> names;
        const json report(run_ctl(*daemon_, {"doctor"}).json());
        for (const json& each : report["findings"]) {
            if (each.contains("vm")) names.insert(each["vm"]);
        }
        return names;
    };
    EXPECT_THAT(named(), testing::ElementsAre("absent", "held", "vm0"));
    wait_connected("vm0", boot_deadline());
    EXPECT_THAT(named(), testing::ElementsAre("absent", "held"));
}

}  // namespace
}  // namespace ivshmemd::test
