#include <deque>
#include <nlohmann/json.hpp>

#include "tests/e2e/hotplug_test.h"
#include "tests/support/doorbell_peer.h"
#include "tests/support/doorbell_server.h"
#include "tests/support/json_text.h"

// Devices with a doorbell server, attached by the daemon.

namespace ivshmemd::test {
namespace {

using nlohmann::json;

class DoorbellAttach : public HotplugTest {
  protected:
    json attach(const std::string& vm, const std::string& name,
                const std::vector<std::string>& options = {}) {
        std::vector<std::string> arguments{"attach",         vm,          name, "--server",
                                           server_.socket(), "--vectors", "2"};
        arguments.insert(arguments.end(), options.begin(), options.end());
        return expect_ctl_success(*daemon_, arguments)["device"];
    }

    static bool answers(QemuVm& vm) {
        return !member(vm.spy().call("query-status"), "status").is_null();
    }

    json property(QemuVm& vm, const std::string& name, const std::string& property) {
        return vm.spy().call(
            "qom-get", {{"path", "/machine/peripheral/ivshmemd." + name}, {"property", property}});
    }

    DoorbellServer server_{{"--vectors", "2", "--size", "1M"}};
};

TEST_F(DoorbellAttach, GivesTheGuestMemoryAndDoorbells) {
    QemuVm vm(dir_.path(), {.name = "vm0", .guest = true});
    vm.wait_guest_ready();
    start_daemon({&vm});
    const json device(attach("vm0", "bell"));
    EXPECT_EQ(device["model"], "ivshmem_doorbell");
    EXPECT_EQ(device["interrupts"], "msix");
    EXPECT_EQ(device["size"], 1 << 20);
    EXPECT_EQ(device["memorySealed"], true);
    EXPECT_EQ(device["relayLost"], false);
    EXPECT_EQ(device["server"], server_.socket().string());
    EXPECT_EQ(property(vm, "bell", "master"), "off");
    EXPECT_EQ(property(vm, "bell", "vectors"), 2);

    DoorbellPeer peer(server_.socket());
    ASSERT_TRUE(peer.wait_vectors(1, 2));
    ASSERT_TRUE(peer.wait_vectors(0, 2)) << "it joins after the device, through the relay";
    ASSERT_EQ(vm.guest("until shm list | grep -q .; do sleep 0.1; done; shm position").output,
              "0\n");
    EXPECT_EQ(vm.guest("shm write 0 hello").status, 0);
    char text[6] = "";
    EXPECT_EQ(::pread(peer.memory(), text, 5, 0), 5);
    EXPECT_STREQ(text, "hello");
    for (const size_t vector : {0, 1}) {
        EXPECT_TRUE(eventually(soon(), [&] {  // until QEMU has heard of it
            EXPECT_EQ(vm.guest("shm ring 1 " + std::to_string(vector)).status, 0);
            return peer.wait_ring(vector, Deadline::after(std::chrono::milliseconds(500)));
        }));
    }
    expect_ctl_success(*daemon_, {"detach", "vm0", "bell"});
    EXPECT_TRUE(peer.wait_gone(0)) << "the relay ends with the device";
    EXPECT_EQ(qom_names(vm, "/machine/peripheral"), std::set<std::string>{});
    for (const json& chardev : vm.spy().call("query-chardev")) {
        EXPECT_FALSE(chardev["label"].get<std::string>().starts_with("ivshmemd."));
    }
}

// Every QEMU frees a peer's eventfds when it hears that the peer has left, and again when the id
// comes back or the device goes.
TEST_F(DoorbellAttach, SurvivesPeersThatLeaveAndIdsThatComeBack) {
    QemuVm vm(dir_.path(), {.name = "vm0", .guest = true});
    vm.wait_guest_ready();
    start_daemon({&vm});
    attach("vm0", "bell");
    ASSERT_EQ(vm.guest("until shm list | grep -q .; do sleep 0.1; done").status, 0);
    for (int round = 0; round < 3; ++round) {
        DoorbellPeer peer(server_.socket());
        ASSERT_EQ(peer.id(), 1);
        ASSERT_TRUE(peer.wait_vectors(0, 2) && peer.wait_vectors(1, 2));
        EXPECT_TRUE(eventually(soon(),
                               [&] {  // until QEMU has heard of it
                                   EXPECT_EQ(vm.guest("shm ring 1 1").status, 0);
                                   return peer.wait_ring(
                                       1, Deadline::after(std::chrono::milliseconds(500)));
                               }))
            << "round " << round;
    }
    expect_ctl_success(*daemon_, {"detach", "vm0", "bell"});
    EXPECT_TRUE(answers(vm)) << vm.err();
}

TEST_F(DoorbellAttach, SetsMasterOnlyForTheFirstPeer) {
    QemuVm first(dir_.path(), {.name = "first"});
    QemuVm second(dir_.path(), {.name = "second", .machine = "q35", .root_ports = 1});
    start_daemon({&first, &second});
    attach("first", "bell", {"--role", "master", "--ioeventfd", "off"});
    EXPECT_EQ(property(first, "bell", "master"), "on");
    EXPECT_EQ(property(first, "bell", "ioeventfd"), false);
    expect_ctl_error(*daemon_,
                     {"attach", "second", "bell", "--server", server_.socket(), "--vectors", "2",
                      "--role", "master"},
                     9, "ConfigUnsupported");
    EXPECT_EQ(attach("second", "bell")["bus"], "rp0");
    EXPECT_EQ(property(second, "bell", "master"), "off");
}

TEST_F(DoorbellAttach, ReportsALostServerAndDetachesAllTheSame) {
    QemuVm vm(dir_.path(), {.name = "vm0"});
    start_daemon({&vm});
    attach("vm0", "bell");
    EXPECT_EQ(server_.stop(), 0);
    EXPECT_TRUE(eventually(soon(), [&] {
        return member(find_device(*daemon_, "vm0", "bell"), "relayLost") == json(true);
    }));
    const auto is_connected = [&] {
        return vm.spy().call("qom-get",
                             {{"path", "/chardevs/ivshmemd.bell.chr"}, {"property", "connected"}});
    };
    EXPECT_TRUE(eventually(soon(), [&] { return is_connected() == json(false); }));
    EXPECT_TRUE(answers(vm));
    detach_by_reset(vm, "bell");
    EXPECT_TRUE(answers(vm)) << vm.err();
}

TEST_F(DoorbellAttach, KeepsItsRelaysOverARestartWhereTheyAreStored) {
    QemuVm vm(dir_.path(), {.name = "vm0", .guest = true});
    vm.wait_guest_ready();
    DaemonOptions options;
    options.fd_store = true;
    start_daemon({&vm}, options);
    attach("vm0", "bell");
    ASSERT_EQ(vm.guest("until shm list | grep -q .; do sleep 0.1; done").status, 0);
    EXPECT_TRUE(daemon_->notify().stored().contains("relay-qemu.bell.vm0"));
    EXPECT_TRUE(daemon_->notify().stored().contains("relay-server.bell.vm0"));
    std::deque<DoorbellPeer> peers;
    for (const bool killed : {false, true}) {
        if (killed) {
            daemon_->kill();
        } else {
            EXPECT_EQ(daemon_->stop(), 0);
        }
        daemon_->start();
        wait_connected("vm0");
        EXPECT_EQ(member(find_device(*daemon_, "vm0", "bell"), "relayLost"), json(false));
        DoorbellPeer& late = peers.emplace_back(server_.socket());
        ASSERT_TRUE(late.wait_vectors(late.id(), 2));
        // QEMU hears of it through the relay; until then a ring goes nowhere.
        EXPECT_TRUE(eventually(boot_deadline(), [&] {
            vm.guest("shm ring " + std::to_string(late.id()) + " 0");
            return late.wait_ring(0, Deadline::after(std::chrono::milliseconds(200)));
        })) << (killed ? "killed" : "stopped");
    }
    expect_ctl_success(*daemon_, {"detach", "vm0", "bell"});
    EXPECT_TRUE(eventually(soon(), [&] { return daemon_->notify().stored().empty(); }));
    EXPECT_TRUE(answers(vm)) << vm.err();
}

TEST_F(DoorbellAttach, SaysThatARelayIsLostWhenNobodyKeptIt) {
    QemuVm vm(dir_.path(), {.name = "vm0"});
    start_daemon({&vm});
    attach("vm0", "bell");
    daemon_->kill();
    daemon_->start();
    wait_connected("vm0");
    const json device(find_device(*daemon_, "vm0", "bell"));
    EXPECT_EQ(device["relayLost"], true);
    EXPECT_EQ(device["server"], server_.socket().string());
    detach_by_reset(vm, "bell");
    EXPECT_TRUE(answers(vm)) << vm.err();
}

}  // namespace
}  // namespace ivshmemd::test
