#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "tests/e2e/hotplug_test.h"
#include "tests/support/json_text.h"

// Which device is chosen, and what is refused, on a QEMU without the legacy device.

namespace ivshmemd::test {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::UnorderedElementsAre;

class Model : public HotplugTest {
  protected:
    void SetUp() override {
        HotplugTest::SetUp();
        if (IsSkipped() || HasFatalFailure()) return;
        vm_.emplace(dir_.path(), traced({.name = "vm0"}));
        start_daemon({&*vm_});
    }

    void expect_untouched() {
        for (const char* command : {"object-add", "device_add", "chardev-add", "getfd"}) {
            EXPECT_EQ(times_heard(*vm_, command), 0) << command;
        }
        EXPECT_EQ(files_in(regions_.path()), std::set<std::string>{});
    }

    std::optional<QemuVm> vm_;
};

TEST_F(Model, IsNeverReplacedWhenAskedFor) {
    const json error(
        expect_ctl_error(*daemon_, {"attach", "vm0", "shm0", "--size", "1M", "--model", "ivshmem"},
                         9, "ModelNotSupported"));
    EXPECT_EQ(member(error, "model"), "ivshmem");
    EXPECT_EQ(member(error, "vm"), "vm0");
    EXPECT_THAT(member(error, "supported").get<std::vector<std::string>>(),
                UnorderedElementsAre("ivshmem_plain", "ivshmem_doorbell"));
    expect_untouched();
}

TEST_F(Model, IsPlainWithoutAServer) {
    const json chosen(expect_ctl_success(*daemon_, {"attach", "vm0", "a", "--size", "1M"}));
    EXPECT_EQ(member(member(chosen, "device"), "model"), "ivshmem_plain");
    for (const char* spelling : {"ivshmem-plain", "ivshmem_plain"}) {
        const json same(expect_ctl_success(
            *daemon_, {"attach", "vm0", "a", "--size", "1M", "--model", spelling}));
        EXPECT_EQ(member(same, "changed"), false) << spelling;
    }
    EXPECT_EQ(qom_get(*vm_, "/machine/peripheral/ivshmemd.a", "type"), "ivshmem-plain");
}

TEST_F(Model, AndOptionsThatDoNotFitEachOtherAreRefused) {
    const std::string server = dir_ / "no-such-server.sock";
    const std::vector<std::vector<std::string>> table{
        {"--model", "ivshmem-doorbell"},
        {"--model", "ivshmem_doorbell"},
        {"--model", "ivshmem-plain", "--server", server},
        {"--model", "ivshmem-doorbell", "--server", server, "--msi", "off"},
        {"--server", server, "--msi", "off"},
        {"--vectors", "2"},
        {"--msi", "on"},
        {"--ioeventfd", "off"},
    };
    for (const auto& options : table) {
        std::vector<std::string> arguments{"attach", "vm0", "shm0"};
        arguments.insert(arguments.end(), options.begin(), options.end());
        if (std::find(options.begin(), options.end(), "--server") == options.end()) {
            arguments.insert(arguments.end(), {"--size", "1M"});
        }
        const json error(expect_ctl_error(*daemon_, arguments, 9, "ConfigUnsupported"));
        EXPECT_NE(error.value("reason", ""), "") << error;
    }
    expect_untouched();
}

TEST_F(Model, AndRoleAreWordsOfTheInterface) {
    const std::vector<std::pair<std::string, std::string>> table{
        {"role", "auto"},          {"role", "Master"},  {"role", "none"},
        {"model", "ivshmem-flat"}, {"model", "virtio"}, {"model", "IVSHMEM"}};
    for (const auto& [parameter, value] : table) {
        const json error(expect_ctl_error(
            *daemon_, {"attach", "vm0", "shm0", "--size", "1M", "--" + parameter, value}, 2,
            "org.varlink.service.InvalidParameter"));
        EXPECT_EQ(member(error, "parameter"), parameter) << value;
    }
    expect_untouched();
}

TEST_F(Model, ListComesFromTheProbe) {
    const json reply(expect_ctl_success(*daemon_, {"probe", "vm0"}));
    const json capabilities(member(reply, "capabilities"));
    EXPECT_THAT(member(capabilities, "models").get<std::vector<std::string>>(),
                UnorderedElementsAre("ivshmem_plain", "ivshmem_doorbell"));
    EXPECT_EQ(member(capabilities, "defaultModel"), "ivshmem_plain");
    EXPECT_EQ(member(capabilities, "defaultModelWithServer"), "ivshmem_doorbell");
    EXPECT_EQ(member(capabilities, "probeMethod"), "qom-list-types");
    EXPECT_THAT(capabilities.value("machineType", ""), HasSubstr("pc-i440fx-"));
    const json buses(member(capabilities, "buses"));
    ASSERT_EQ(buses.size(), 1u) << buses;
    EXPECT_EQ(buses[0]["name"], "pci.0");
    EXPECT_EQ(buses[0]["hotpluggable"], true);
    // Slot 0 is the host bridge, slot 1 the southbridge.
    const auto free_slots = buses[0]["freeSlots"].get<std::vector<int>>();
    EXPECT_EQ(free_slots.front(), 2);
    EXPECT_EQ(free_slots.back(), 31);
    EXPECT_EQ(free_slots.size(), 30u);

    const json attached(expect_ctl_success(*daemon_, {"attach", "vm0", "a", "--size", "1M"}));
    EXPECT_EQ(attached["device"]["slot"], 30);
    const json again(expect_ctl_success(*daemon_, {"probe", "vm0"}));
    const auto now_free = again["capabilities"]["buses"][0]["freeSlots"].get<std::vector<int>>();
    EXPECT_THAT(now_free, testing::Not(testing::Contains(30)));
    EXPECT_EQ(now_free.size(), 29u);
}

TEST_F(Model, AndCommandsAreShownByADryRun) {
    const json reply(expect_ctl_success(
        *daemon_, {"attach", "vm0", "shm0", "--size", "2M", "--role", "master", "--dry-run"}));
    EXPECT_EQ(member(reply, "changed"), true);
    const json commands(member(reply, "commands"));
    ASSERT_EQ(commands.size(), 2u) << commands;
    EXPECT_EQ(commands[0]["execute"], "object-add");
    const json& backend = commands[0]["arguments"];
    EXPECT_EQ(backend["id"], "ivshmemd.shm0.mem");
    EXPECT_EQ(backend["qom-type"], "memory-backend-file");
    EXPECT_EQ(backend["mem-path"], region_file("shm0").string());
    EXPECT_EQ(backend["size"], 2 << 20);
    EXPECT_EQ(backend["share"], true);
    EXPECT_EQ(commands[1]["execute"], "device_add");
    const json& device = commands[1]["arguments"];
    EXPECT_EQ(device["driver"], "ivshmem-plain");
    EXPECT_EQ(device["id"], "ivshmemd.shm0");
    EXPECT_EQ(device["memdev"], "ivshmemd.shm0.mem");
    EXPECT_EQ(device["master"], "on");
    EXPECT_EQ(device["bus"], "pci.0");
    EXPECT_TRUE(device.contains("addr")) << device;
    EXPECT_EQ(reply["device"]["name"], "shm0");
    EXPECT_EQ(reply["device"]["slot"], 30);
    expect_untouched();
    EXPECT_EQ(list_devices(*daemon_, "vm0"), json::array());

    const CtlResult text = daemon_->ctl_text(
        {"attach", "vm0", "shm0", "--size", "2M", "--role", "master", "--dry-run"});
    EXPECT_EQ(text.exit_code, 0) << text.err;
    EXPECT_THAT(text.out, HasSubstr("object-add"));
    EXPECT_THAT(text.out, HasSubstr("device_add"));
    expect_ctl_error(*daemon_, {"attach", "vm0", "shm0", "--size", "3M", "--dry-run"}, 2,
                     "BadSize");
}

}  // namespace
}  // namespace ivshmemd::test
