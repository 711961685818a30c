#include <gmock/gmock.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/e2e/machine.h"
#include "tests/e2e/migration_fixture.h"
#include "tests/support/json_text.h"

// A booted guest, with a master and three peers, one of them with a doorbell, moves to a
// destination made of what qemu-args says, or by replug where that is safer.

namespace ivshmemd::test {
namespace {

using nlohmann::json;
using testing::HasSubstr;

class Migration : public MigrationFixture, public testing::WithParamInterface<const char*> {
  protected:
    static int lines(const std::string& text) {
        return static_cast<int>(std::count(text.begin(), text.end(), '\n'));
    }

    bool guest_sees(QemuVm& vm, int devices) {
        return eventually(boot_deadline(),
                          [&] { return lines(vm.guest("shm list").output) == devices; });
    }

    std::string address_of(const std::string& vm, const std::string& name) {
        std::string address;
        eventually(boot_deadline(), [&] {
            const json device(find_device(*daemon_, vm, name));
            address = device.value("guestAddress", "");
            return !address.empty() && member(device, "guestMapped") == true;
        });
        return address;
    }

    int count(QemuVm& vm) { return std::stoi(vm.guest("cat /n").output); }
};

TEST_P(Migration, CarriesTheMasterAndBringsThePeersBack) {
    const bool ports = std::string(GetParam()) == "q35";
    if (ports && !q35_has_acpi_hotplug()) GTEST_SKIP() << old_ports_drop;
    start_source({.machine = GetParam(), .root_ports = ports ? 4 : 0, .guest = true});
    source_->wait_guest_ready();
    attach("m", "master");
    attach("p1");
    attach("p2");
    const DoorbellServer server({"--vectors", "2", "--size", "1M"});
    attach_bell("bell", server);
    ASSERT_TRUE(guest_sees(*source_, 4));
    const std::string master = address_of("src", "m");
    ASSERT_EQ(source_->guest("shm -d " + master + " write 64 carried").status, 0);
    source_->guest(
        "(i=0; while :; do i=$((i+1)); echo $i >/t; mv /t /n; sleep 0.05; done) "
        ">/dev/null 2>&1 &");
    ASSERT_TRUE(eventually(soon(), [&] { return source_->guest("cat /n").status == 0; }));
    start_right_destination();
    const std::map<std::string, json> before = [&] {
        std::map<std::string, json> devices;
        for (const json& each : list_devices(*daemon_, "src")) devices[each["name"]] = each;
        return devices;
    }();

    const int counted = count(*source_);
    const json reply = migrate(0, {"--detach-peers", "--plan", (dir_.path() / "plan").string()});
    EXPECT_EQ(member(reply, "status"), "completed") << reply;
    EXPECT_EQ(member(reply, "detached").size(), 3u);
    EXPECT_EQ(phase(), "completed");
    expect_at_destination({"m"});
    std::ifstream file(dir_.path() / "plan");
    const json plan = json::parse(file);
    EXPECT_EQ(plan["version"], 1);
    EXPECT_EQ(plan["vm"], "src");
    EXPECT_EQ(plan["uuid"], uuid);
    EXPECT_EQ(plan["devices"], reply["detached"]);

    const json back(expect_ctl_success(*daemon_, {"replug", "dst"}));
    ASSERT_EQ(member(back, "devices").size(), 3u) << back;
    for (const json& device : member(back, "devices")) {
        const json& there = before.at(device["name"]);
        for (const char* same : {"model", "role", "size", "region", "server", "vectors", "msi",
                                 "ioeventfd", "interrupts", "bus", "slot", "relayLost"}) {
            EXPECT_EQ(member(device, same), member(there, same)) << same << " of " << device;
        }
    }
    EXPECT_EQ(member(before.at("bell"), "vectors"), 2);
    EXPECT_EQ(member(before.at("bell"), "server"), server.socket().string());
    EXPECT_EQ(phase(), "") << "what is plugged in is forgotten";
    expect_at_destination({"m", "p1", "p2", "bell"});
    EXPECT_EQ(expect_ctl_success(
                  *daemon_, {"replug", "dst", "--plan", (dir_.path() / "plan").string()})["devices"]
                  .size(),
              3u)
        << "a second time changes nothing";

    EXPECT_TRUE(guest_sees(*destination_, 4));
    EXPECT_EQ(address_of("dst", "m"), master);
    EXPECT_EQ(destination_->guest("shm -d " + master + " read 64 7").output, "carried");
    EXPECT_GE(count(*destination_), counted) << "the guest was started anew";
    const std::string peer = address_of("dst", "p1");
    EXPECT_EQ(destination_->guest("shm -d " + peer + " write 0 here").status, 0);
    std::ifstream region(region_file("p1"));
    std::string word(4, '\0');
    region.read(word.data(), 4);
    EXPECT_EQ(word, "here");
}

INSTANTIATE_TEST_SUITE_P(, Migration, testing::Values("pc", "q35"),
                         [](const auto& machine) { return std::string(machine.param); });

}  // namespace
}  // namespace ivshmemd::test
