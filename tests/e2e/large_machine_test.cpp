#include <gmock/gmock.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/e2e/hotplug_test.h"
#include "tests/support/json_text.h"

// Machines with hundreds of ports, devices and objects: they are connected to and listed in time.

namespace ivshmemd::test {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

constexpr auto in_time = 5s;

std::string hexadecimal(int number) {
    std::ostringstream text;
    text << std::hex << number;
    return text.str();
}

class LargeMachine : public HotplugTest {
  protected:
    /// What it says, which has to come in time.
    json ask(const std::vector<std::string>& arguments) {
        const auto start = std::chrono::steady_clock::now();
        const json reply(expect_ctl_success(*daemon_, arguments));
        EXPECT_LT(std::chrono::steady_clock::now() - start, in_time) << arguments[0];
        return reply;
    }
};

TEST_F(LargeMachine, WithTwoHundredPortsListsThemAll) {
    constexpr int ports = 200;
    VmOptions options{.machine = "q35", .paused = true};
    for (int i = 0; i < ports; ++i) {
        // Functions of slots that have eight of them; more chassis than 255 there are not.
        const std::string number = std::to_string(i);
        std::string port = "pcie-root-port,id=port" + number +
                           ",bus=pcie.0,chassis=" + std::to_string(i + 1) + ",slot=" + number +
                           ",addr=" + hexadecimal(2 + i / 8) + "." + std::to_string(i % 8);
        if (i % 8 == 0) port += ",multifunction=on";
        options.extra.insert(options.extra.end(), {"-device", port});
    }
    QemuVm vm(dir_.path(), options);
    start_daemon({&vm});
    const json probe(ask({"probe", "vm0"}));
    int usable = 0;
    for (const json& bus : probe["capabilities"]["buses"]) {
        if (bus["kind"] == "port") usable += bus["usable"] == json::array({0}) ? 1 : 0;
    }
    EXPECT_EQ(usable, ports);
    EXPECT_EQ(ask({"attach", "vm0", "shm0", "--size", "1M"})["device"]["bus"], "port199");
}

TEST_F(LargeMachine, WithFiveHundredDevicesAndNamelessOnesIsListedRight) {
    constexpr int devices = 500;
    VmOptions options{.machine = "pc", .paused = true};
    for (int bridge = 0; bridge < 17; ++bridge) {
        const std::string number = std::to_string(bridge);
        options.extra.insert(
            options.extra.end(),
            {"-device", "pci-bridge,id=br" + number + ",chassis_nr=" + std::to_string(bridge + 1)});
    }
    for (int i = 0; i < devices; ++i) {
        std::string device =
            "pci-testdev,bus=br" + std::to_string(i / 30) + ",addr=" + hexadecimal(1 + i % 30);
        if (i % 2 == 0) device += ",id=dev" + std::to_string(i);
        options.extra.insert(options.extra.end(), {"-device", device});
    }
    QemuVm vm(dir_.path(), options);
    start_daemon({&vm});
    const json probe(ask({"probe", "vm0"}));
    int bridges = 0;
    for (const json& bus : probe["capabilities"]["buses"]) {
        if (bus["kind"] != "bridge") continue;
        ++bridges;
        const bool last = bus["name"] == "br16";  // holds what is left: 20
        EXPECT_EQ(bus["freeSlots"].size(), last ? 12u : 2u) << bus;
    }
    EXPECT_EQ(bridges, 17);
    EXPECT_EQ(ask({"attach", "vm0", "shm0", "--size", "1M", "--bus", "br16"})["device"]["slot"],
              30);
}

TEST_F(LargeMachine, WithMegabytesOfNamesIsConnectedTo) {
    constexpr int objects = 400;
    QemuVm vm(dir_.path(), {.paused = true});
    for (int i = 0; i < objects; ++i) {
        const std::string id = "o" + std::string(2990, 'x') + std::to_string(i);
        vm.spy().call("object-add", {{"qom-type", "rng-builtin"}, {"id", id}});
    }
    ASSERT_GT(vm.spy().call("qom-list", {{"path", "/objects"}}).dump().size(), 1200000u);
    start_daemon({&vm});
    ask({"attach", "vm0", "shm0", "--size", "1M"});
    EXPECT_EQ(ask({"list", "vm0"})["devices"].size(), 1u);
    const CtlResult doctor = run_ctl(*daemon_, {"doctor", "vm0"});
    EXPECT_EQ(doctor.exit_code, 0) << doctor.out << doctor.err;
}

}  // namespace
}  // namespace ivshmemd::test
