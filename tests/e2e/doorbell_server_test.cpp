#include <sys/stat.h>

#include <deque>
#include <nlohmann/json.hpp>

#include "tests/support/doorbell_peer.h"
#include "tests/support/doorbell_server.h"
#include "tests/support/json_text.h"
#include "tests/support/qemu_test.h"
#include "tests/support/qemu_vm.h"

namespace ivshmemd::test {
namespace {

using nlohmann::json;

constexpr size_t vectors = 2;

/// Machines on a server of ours, as any QEMU uses one: no daemon is there.
class DoorbellServerTest : public QemuTest {
  protected:
    static std::vector<std::string> chardev(const DoorbellServer& server) {
        return {"-chardev", "socket,id=bell,path=" + server.socket().string()};
    }

    static VmOptions on(const DoorbellServer& server, VmOptions options) {
        options.extra = chardev(server);
        std::string device = "ivshmem-doorbell,id=ring,chardev=bell,master=off,vectors=2";
        if (options.root_ports > 0) device += ",bus=rp0";
        options.extra.insert(options.extra.end(), {"-device", device});
        return options;
    }

    static bool answers(QemuVm& vm) {
        return member(vm.spy().call("query-status"), "running") == json(true);
    }
};

TEST_F(DoorbellServerTest, ServesTwoMachinesAndManyHostProgramsThatRingEachOther) {
    constexpr int host_programs = 64;
    const std::string region = regions_ / "region";
    DoorbellServer server({"--region", region, "--size", "1M", "--vectors", "2"});
    QemuVm first(dir_.path(), on(server, {.name = "first", .guest = true}));
    QemuVm second(dir_.path(),
                  on(server, {.name = "second", .machine = "q35", .root_ports = 1, .guest = true}));
    std::deque<DoorbellPeer> peers;
    for (int i = 0; i < host_programs; ++i) {
        EXPECT_EQ(peers.emplace_back(server.socket()).id(), 2 + i);
    }
    for (DoorbellPeer& peer : peers) {
        for (std::int64_t id = 0; id < 2 + host_programs; ++id) {
            ASSERT_TRUE(peer.wait_vectors(id, vectors)) << id << " for " << peer.id();
        }
    }
    for (const DoorbellPeer& peer : peers) {
        const DoorbellPeer& other = peers[static_cast<size_t>(peer.id() - 1) % peers.size()];
        for (size_t vector = 0; vector < vectors; ++vector) {
            peer.ring(other.id(), vector);
            EXPECT_TRUE(other.wait_ring(vector));
        }
    }
    EXPECT_TRUE(answers(first));
    EXPECT_TRUE(answers(second));

    for (QemuVm* vm : {&first, &second}) {
        vm->wait_guest_ready();
        const std::string own = vm->guest("shm position").output;
        EXPECT_EQ(own, vm == &first ? "0\n" : "1\n");
        const GuestResult rung =
            vm->guest("for p in $(seq 2 65); do shm ring $p 0 && shm ring $p 1 || exit 1; done");
        ASSERT_EQ(rung.status, 0) << rung.output;
        for (const DoorbellPeer& peer : peers) {
            for (size_t vector = 0; vector < vectors; ++vector) {
                EXPECT_TRUE(peer.wait_ring(vector)) << vm->name() << " to " << peer.id();
            }
        }
    }

    EXPECT_EQ(first.guest("shm write 64 hello").status, 0);
    EXPECT_EQ(second.guest("shm read 64 5").output, "hello") << "one memory for all";
    char text[6] = "";
    EXPECT_EQ(::pread(peers[0].memory(), text, 5, 64), 5);
    EXPECT_STREQ(text, "hello");

    second.quit();
    for (DoorbellPeer& peer : peers) EXPECT_TRUE(peer.wait_gone(1));
    EXPECT_TRUE(answers(first));
}

// QEMU frees a peer's eventfds when it hears that the peer has left, and again when the id comes
// back or the device is unplugged.
TEST_F(DoorbellServerTest, LetsMachinesSurvivePeersThatLeaveAndIdsThatComeBack) {
    DoorbellServer server({"--vectors", "2"});
    QemuVm vm(dir_.path(), on(server, {.guest = true}));
    vm.wait_guest_ready();
    for (int round = 0; round < 3; ++round) {
        DoorbellPeer peer(server.socket());
        ASSERT_EQ(peer.id(), 1);
        ASSERT_TRUE(peer.wait_vectors(0, vectors) && peer.wait_vectors(1, vectors));
        ASSERT_TRUE(eventually(soon(),
                               [&] {
                                   EXPECT_EQ(vm.guest("shm ring 1 1").status, 0);
                                   return peer.wait_ring(
                                       1, Deadline::after(std::chrono::milliseconds(500)));
                               }))
            << "round " << round;
    }
    EXPECT_EQ(member(vm.spy().execute("device_del", {{"id", "ring"}}), "return"), json::object());
    vm.spy().wait_event("DEVICE_DELETED", boot_deadline());
    EXPECT_TRUE(answers(vm)) << vm.err();
}

TEST_F(DoorbellServerTest, LetsTheFirstMachineBeMaster) {
    const DoorbellServer server;
    VmOptions options = on(server, {.name = "first"});
    options.extra.back() = "ivshmem-doorbell,id=ring,chardev=bell,master=on";
    QemuVm first(dir_.path(), options);
    EXPECT_EQ(first.spy().call("qom-get", {{"path", "ring"}, {"property", "master"}}), "on");
    DoorbellPeer peer(server.socket());
    EXPECT_EQ(peer.id(), 1);
    EXPECT_TRUE(peer.wait_vectors(0, 1));
}

TEST_F(DoorbellServerTest, MakesARefusedMachineFailInsteadOfHang) {
    const DoorbellServer server({"--peers", "1"});
    const DoorbellPeer only(server.socket());
    QemuVm vm(dir_.path(), {});
    vm.spy().call("chardev-add",
                  json::parse(R"({"id": "bell", "backend": {"type": "socket", "data": {
                      "addr": {"type": "unix", "data": {"path": ")" +
                              server.socket().string() + R"("}}, "server": false}}})"));
    const json reply = vm.spy().execute(
        "device_add", {{"driver", "ivshmem-doorbell"}, {"id", "ring"}, {"chardev", "bell"}});
    EXPECT_EQ(member(member(reply, "error"), "desc"), "server sent version -1, expecting 0");
    EXPECT_TRUE(answers(vm));
}

TEST_F(DoorbellServerTest, LeavesMachinesRingingWhenItStops) {
    DoorbellServer server({"--vectors", "2"});
    QemuVm vm(dir_.path(), on(server, {.guest = true}));
    DoorbellPeer peer(server.socket());
    ASSERT_TRUE(peer.wait_vectors(0, vectors) && peer.wait_vectors(1, vectors));
    vm.wait_guest_ready();
    EXPECT_EQ(server.stop(), 0);
    EXPECT_TRUE(answers(vm));
    EXPECT_EQ(vm.guest("shm ring 1 1").status, 0);
    EXPECT_TRUE(peer.wait_ring(1));
}

}  // namespace
}  // namespace ivshmemd::test
