#include <gmock/gmock.h>

#include <map>
#include <nlohmann/json.hpp>

#include "tests/e2e/machine.h"
#include "tests/support/json_text.h"

// The buses of machines of many shapes: what is said of them is held against a second, equal QEMU
// that is asked directly.

namespace ivshmemd::test {
namespace {

using nlohmann::json;

struct Topology {
    std::string name;
    std::string machine;
    std::vector<std::string> devices;
    std::vector<std::string> globals = {};
    bool needs_acpi_q35 = false;
    /// How QEMU finds buses that share their name, by QOM path.
    std::map<std::string, std::string> addresses = {};
};

void PrintTo(const Topology& topology, std::ostream* out) {
    *out << topology.name;
}

std::string port(int number, const std::string& more = "") {
    const std::string digit = std::to_string(number);
    return "pcie-root-port,id=rp" + digit + ",chassis=" + digit + ",slot=" + digit + ",bus=pcie.0" +
           more;
}

std::vector<Topology> topologies() {
    return {
        {"q35", "q35", {port(1), port(2)}},
        {"q35HotplugOff", "q35", {port(1), port(2, ",hotplug=off")}},
        {"q35Bridge", "q35", {port(1), "pcie-pci-bridge,id=br,bus=rp1", port(2)}},
        {"q35Expander",
         "q35",
         {"pxb-pcie,id=pxb,bus_nr=64,bus=pcie.0", "pcie-root-port,bus=pxb,chassis=9,slot=9",
          port(1)},
         {},
         false,
         {{"/machine/peripheral-anon/device[0]/pcie.0", "pxb/pcie-root-port"},
          {"/machine/q35/pcie.0", "/q35-pcihost/pcie.0"}}},
        {"q35Switch",
         "q35",
         {port(1), "x3130-upstream,id=up,bus=rp1",
          "xio3130-downstream,id=dn1,bus=up,chassis=21,slot=21",
          "xio3130-downstream,id=dn2,bus=up,chassis=22,slot=22"}},
        {"q35Native",
         "q35",
         {port(1), port(2)},
         {"ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off"},
         true},
        {"pc", "pc", {}},
        {"pcRootOff",
         "pc",
         {"pci-bridge,id=br1,chassis_nr=1"},
         {"PIIX4_PM.acpi-root-pci-hotplug=off"}},
        {"pcBridges",
         "pc",
         {"pci-bridge,id=br1,chassis_nr=1",
          "pci-bridge,id=br2,chassis_nr=2,shpc=off,bus=br1,addr=3"}},
    };
}

class BusTest : public HotplugTest, public testing::WithParamInterface<Topology> {
  protected:
    void SetUp() override {
        HotplugTest::SetUp();
        if (IsSkipped() || HasFatalFailure()) return;
        if (GetParam().needs_acpi_q35 && QemuVm::installed_version() < 6001) {
            GTEST_SKIP() << "before QEMU 6.1 q35 has native hotplug only";
        }
    }

    static VmOptions options(const std::string& name) {
        VmOptions options{.name = name, .machine = GetParam().machine, .paused = true};
        for (const std::string& global : GetParam().globals) {
            options.extra.insert(options.extra.end(), {"-global", global});
        }
        for (const std::string& device : GetParam().devices) {
            options.extra.insert(options.extra.end(), {"-device", device});
        }
        return options;
    }

    /// One new backend for each question: none carries a second device.
    json ask(QemuVm& vm, json place) {
        const std::string id = "q" + std::to_string(++asked_);
        const json made = vm.object_add_file(id + "mem", region_file(id), 1 << 20);
        EXPECT_TRUE(made.contains("return")) << made;
        place.update(
            {{"driver", "ivshmem-plain"}, {"id", id}, {"memdev", id + "mem"}, {"master", "off"}});
        return vm.spy().execute("device_add", place);
    }

    static std::string parent_bus(QemuVm& vm, const std::string& id) {
        return vm.spy()
            .call("qom-get", {{"path", "/machine/peripheral/" + id}, {"property", "parent_bus"}})
            .get<std::string>();
    }

    /// Whether QEMU puts a device there.
    bool takes(QemuVm& vm, const json& bus) {
        const std::string path = bus["path"];
        const auto known = GetParam().addresses.find(path);
        const std::string name =
            known == GetParam().addresses.end() ? path.substr(path.rfind('/') + 1) : known->second;
        const bool conventional = bus["kind"] != "port";
        const json reply = ask(vm, {{"bus", name}, {"addr", conventional ? "1e" : "0"}});
        if (!reply.contains("return")) return false;
        EXPECT_EQ(parent_bus(vm, "q" + std::to_string(asked_)), path) << "asked for " << name;
        return true;
    }

    json buses_of(const std::string& vm) {
        const json reply(expect_ctl_success(*daemon_, {"probe", vm}));
        return member(member(reply, "capabilities"), "buses");
    }

  private:
    int asked_ = 0;
};

TEST_P(BusTest, IsOfferedExactlyWhereQemuTakesADeviceAndIsWhereTheDeviceLands) {
    QemuVm vm(dir_.path(), options("vm0"));
    QemuVm equal(dir_.path(), options("equal"));
    start_daemon({&vm});
    int number = 0;
    int offered = 0;
    for (const json& bus : buses_of("vm0")) {
        SCOPED_TRACE(bus.dump());
        const bool usable = !bus["usable"].empty();
        EXPECT_EQ(usable, !bus.contains("reason"));
        // QEMU lets devices go to an upstream port, and no guest looks there.
        const bool upstream = bus.value("reason", "").find("upstream") != std::string::npos;
        EXPECT_TRUE(upstream || takes(equal, bus) == usable);
        const std::string name = "dev" + std::to_string(number++);
        const std::vector<std::string> attach{
            "attach", "vm0", name, "--size", "1M", "--bus", bus["name"].get<std::string>()};
        if (!usable) {
            expect_ctl_error(*daemon_, attach, 1, "NoFreeSlot");
            continue;
        }
        ++offered;
        const json device(expect_ctl_success(*daemon_, attach)["device"]);
        EXPECT_EQ(member(device, "bus"), bus["name"]);
        EXPECT_EQ(json(parent_bus(vm, "ivshmemd." + name)), bus["path"]);
    }
    EXPECT_GE(offered, 1);
    EXPECT_EQ(list_devices(*daemon_, "vm0").size(), static_cast<std::size_t>(offered));
}

TEST_P(BusTest, IsAsFreeForOthersAfterAnAttachAsBefore) {
    QemuVm vm(dir_.path(), options("vm0"));
    QemuVm untouched(dir_.path(), options("untouched"));
    start_daemon({&vm});
    const json device(
        expect_ctl_success(*daemon_, {"attach", "vm0", "shm0", "--size", "1M"})["device"]);
    const bool before = ask(untouched, json::object()).contains("return");
    const json after = ask(vm, json::object());
    EXPECT_EQ(after.contains("return"), before) << after;
    for (const json& bus : buses_of("vm0")) {
        if (bus["name"] != device["bus"] || bus["kind"] == "port") continue;
        const json beside = ask(vm, {{"bus", bus["name"]}});
        EXPECT_TRUE(beside.contains("return")) << beside;
    }
    EXPECT_TRUE(vm.alive());
}

INSTANTIATE_TEST_SUITE_P(, BusTest, testing::ValuesIn(topologies()),
                         [](const testing::TestParamInfo<Topology>& row) {
                             return row.param.name;
                         });

/// A bridge, and a guest that finds a device behind it.
struct Bridged {
    std::string name;
    std::string machine;
    std::vector<std::string> devices;
};

void PrintTo(const Bridged& bridged, std::ostream* out) {
    *out << bridged.name;
}

class BridgeTest : public HotplugTest, public testing::WithParamInterface<Bridged> {
  protected:
    void SetUp() override {
        HotplugTest::SetUp();
        if (IsSkipped() || HasFatalFailure()) return;
        if (GetParam().machine == "q35" && QemuVm::installed_version() < 6001) {
            GTEST_SKIP() << "before QEMU 6.1 a bridge of q35 needs a driver that the guest lacks";
        }
    }

    static VmOptions options() {
        VmOptions options{.machine = GetParam().machine, .guest = true};
        for (const std::string& device : GetParam().devices) {
            options.extra.insert(options.extra.end(), {"-device", device});
        }
        return options;
    }
};

TEST_P(BridgeTest, HoldsADeviceThatTheGuestMapsAndLetsGo) {
    QemuVm vm(dir_.path(), options());
    start_daemon({&vm});
    vm.wait_guest_ready();
    const json device(expect_ctl_success(
        *daemon_, {"attach", "vm0", "shm0", "--size", "1M", "--bus", "br"})["device"]);
    EXPECT_EQ(member(device, "slot"), 30);
    std::string list;
    ASSERT_TRUE(eventually(boot_deadline(), [&] {
        list = vm.guest("shm list").output;
        return list.ends_with(" 1048576\n");
    }));
    const std::string address = list.substr(0, list.find(' '));
    vm.guest("echo 1 >/sys/bus/pci/devices/" + address + "/enable");
    ASSERT_TRUE(eventually(boot_deadline(), [&] {
        return member(find_device(*daemon_, "vm0", "shm0"), "guestMapped") == true;
    }));
    EXPECT_EQ(member(find_device(*daemon_, "vm0", "shm0"), "guestAddress"), address);
    write_file(region_file("shm0"), 64, "from the host");
    EXPECT_EQ(vm.guest("shm read 64 13").output, "from the host");
    EXPECT_EQ(expect_ctl_success(*daemon_, {"detach", "vm0", "shm0"}, boot_deadline()),
              json({{"result", "removed"}}));
    EXPECT_EQ(vm.guest("shm list").output, "");
    EXPECT_EQ(qom_names(vm), std::set<std::string>{});
}

INSTANTIATE_TEST_SUITE_P(
    , BridgeTest,
    testing::Values(Bridged{"q35", "q35", {port(1), "pcie-pci-bridge,id=br,bus=rp1"}},
                    Bridged{"pc", "pc", {"pci-bridge,id=br,chassis_nr=1"}}),
    [](const testing::TestParamInfo<Bridged>& row) { return row.param.name; });

}  // namespace
}  // namespace ivshmemd::test
