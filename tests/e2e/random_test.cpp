#include <cstdlib>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>

#include "tests/e2e/hotplug_test.h"
#include "tests/e2e/machine.h"
#include "tests/e2e/request_generator.h"
#include "tests/support/exhaustive.h"
#include "tests/support/json_text.h"

// Requests that nobody chose. IVSHMEMD_SEED repeats or varies them.

namespace ivshmemd::test {
namespace {

using nlohmann::json;

// Before QEMU 6.1, q35 lets go of a device after eight seconds at the earliest.
int number_of_requests() {
    if (!q35_has_acpi_hotplug()) return exhaustive() ? 100 : 40;
    return exhaustive() ? 1000 : 250;
}

constexpr size_t clients = 6;

class Random : public HotplugTest {
  protected:
    static uint64_t seed() {
        const char* chosen = std::getenv("IVSHMEMD_SEED");
        return chosen ? std::strtoull(chosen, nullptr, 0) : 20260301;
    }

    /// Takes the replies of one request to the last one, and files it.
    void take_replies(VarlinkClient& client, const Request& request) {
        const std::string what = request.method + " " + request.arguments().dump();
        SCOPED_TRACE(what);
        json reply(client.next_reply(boot_deadline()));
        check_reply(request.method, reply);
        while (member(reply, "continues") == true) {
            ASSERT_TRUE(request.more) << "more than one reply: " << reply;
            reply = client.next_reply(boot_deadline());
            check_reply(request.method, reply);
        }
        const std::string error = error_of(reply);
        ++outcomes_[request.method + (error.empty() ? "" : ": " + error)];
        if (request.method != "Attach") return;
        ++attaches_;
        const json parameters(member(reply, "parameters"));
        const bool plugged = error.empty() && member(parameters, "commands").is_null();
        if (plugged && member(parameters, "changed") == true) ++plugged_;
    }

    /// A subscription never ends, so it has a connection of its own; its first word is "ready".
    void subscribe(const Request& request) {
        VarlinkClient client(daemon_->socket());
        client.send("io.ivshmemd.Hotplug.Subscribe", request.arguments(), request.more);
        const json reply(client.next_reply());
        check_reply("Subscribe", reply);
        const std::string error = error_of(reply);
        if (error.empty()) {
            EXPECT_EQ(member(reply, "continues"), true) << reply;
        }
        ++outcomes_["Subscribe" + (error.empty() ? "" : ": " + error)];
    }

    json all_devices() {
        return member(member(call_api(*daemon_, "ListDevices", json::object()), "parameters"),
                      "devices");
    }

    void expect_running(QemuVm& vm) {
        ASSERT_TRUE(vm.alive()) << vm.err();
        EXPECT_EQ(vm.spy().call("query-status")["status"], "running");
    }

    void detach_all() {
        for (const json& device : all_devices()) {
            EXPECT_NE(member(device, "state"), "leaked") << device;
            const json reply(call_api(*daemon_, "Detach",
                                      {{"vm", device["vm"]}, {"qomPath", device["qomPath"]}},
                                      boot_deadline()));
            // One that was still leaving may be gone by now.
            if (error_of(reply) == "NoSuchDevice") continue;
            EXPECT_EQ(member(reply, "parameters"), json({{"result", "removed"}})) << reply;
        }
        EXPECT_EQ(all_devices(), json::array());
    }

    std::map<std::string, int> outcomes_;
    int attaches_ = 0, plugged_ = 0;
};

TEST_F(Random, RequestsGetOneReplyEachAndLeaveNothing) {
    QemuVm pc(dir_.path(), {.name = "pc", .guest = true});
    QemuVm q35(dir_.path(), {.name = "q35", .machine = "q35", .root_ports = 12, .guest = true});
    start_daemon({&pc, &q35});
    pc.wait_guest_ready();
    q35.wait_guest_ready();
    const json pc_before(machine_state(pc)), q35_before(machine_state(q35));
    const auto descriptors = open_descriptors(daemon_->process().pid());

    const int requests = number_of_requests();
    RequestGenerator generator(seed(), {"pc", "q35"}, dir_ / "nowhere.sock");
    std::vector<VarlinkClient> connections;
    for (size_t i = 0; i < clients; ++i) connections.emplace_back(daemon_->socket());
    std::mt19937_64 random(seed());
    for (int sent = 0; sent < requests && !HasFailure();) {
        const json devices(all_devices());
        // Some at the same time, each on a connection of its own.
        std::vector<Request> together;
        for (size_t i = random() % clients + 1; i > 0 && sent < requests; --i, ++sent) {
            Request request(generator.next(devices));
            if (request.method == "Subscribe") {
                subscribe(request);
                continue;
            }
            connections[together.size()].send("io.ivshmemd.Hotplug." + request.method,
                                              request.arguments(), request.more);
            together.push_back(std::move(request));
        }
        for (size_t i = 0; i < together.size(); ++i) take_replies(connections[i], together[i]);
        expect_running(pc);
        expect_running(q35);
    }
    std::cout << "seed " << seed() << ": " << plugged_ << " of " << attaches_
              << " attaches plugged a device in\n";
    for (const auto& [outcome, count] : outcomes_)
        std::cout << "  " << count << " " << outcome << "\n";
    EXPECT_GE(3 * plugged_, attaches_);

    // Were there a reply too many, it would come first now.
    for (VarlinkClient& connection : connections) {
        const json reply(connection.call("org.varlink.service.GetInfo", json::object()));
        EXPECT_TRUE(member(member(reply, "parameters"), "interfaces").is_array()) << reply;
        EXPECT_FALSE(connection.wait_closed(Deadline::after(std::chrono::milliseconds(0))));
    }
    connections.clear();
    detach_all();
    EXPECT_TRUE(eventually(soon(), [&] { return machine_state(pc) == pc_before; }))
        << machine_state(pc);
    EXPECT_TRUE(eventually(soon(), [&] { return machine_state(q35) == q35_before; }))
        << machine_state(q35);
    for (const std::string& region : files_in(regions_.path())) {
        EXPECT_TRUE(region.starts_with("dev") || region.starts_with("shared")) << region;
        EXPECT_EQ(std::filesystem::file_size(region_file(region)),
                  RequestGenerator::size_of(region))
            << region;
    }
    EXPECT_TRUE(eventually(soon(), [&] {
        return open_descriptors(daemon_->process().pid()) == descriptors;
    })) << testing::PrintToString(open_descriptors(daemon_->process().pid()));
    EXPECT_EQ(pc.guest("shm list").output, "");
    EXPECT_EQ(q35.guest("shm list").output, "");
}

}  // namespace
}  // namespace ivshmemd::test
