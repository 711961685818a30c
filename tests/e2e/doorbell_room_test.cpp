#include <sys/resource.h>

#include <nlohmann/json.hpp>

#include "tests/e2e/hotplug_test.h"
#include "tests/support/doorbell_peer.h"
#include "tests/support/doorbell_server.h"
#include "tests/support/json_text.h"

// Peers that join a doorbell server cost the QEMUs of all others descriptors.

namespace ivshmemd::test {
namespace {

using nlohmann::json;

class DoorbellRoom : public HotplugTest {
  protected:
    /// From now on it gets no descriptor with a number beyond this.
    static void limit(QemuVm& vm, rlim_t most) {
        struct rlimit now {};
        ASSERT_EQ(::prlimit(vm.pid(), RLIMIT_NOFILE, nullptr, &now), 0);
        now.rlim_cur = most;
        ASSERT_EQ(::prlimit(vm.pid(), RLIMIT_NOFILE, &now, nullptr), 0);
    }

    json waiting() { return member(find_device(*daemon_, "vm0", "bell"), "peersWaiting"); }

    DoorbellServer server_{{"--vectors", "2", "--size", "64K"}};
};

TEST_F(DoorbellRoom, KeepsPeersFromAQemuThatHasNoDescriptorsLeft) {
    QemuVm vm(dir_.path(), {.name = "vm0", .guest = true});
    vm.wait_guest_ready();
    start_daemon({&vm});
    expect_ctl_success(*daemon_, {"attach", "vm0", "bell", "--server", server_.socket()});
    limit(vm, 96);
    std::vector<std::unique_ptr<DoorbellPeer>> peers;
    for (int i = 0; i < 40; ++i) {
        peers.push_back(std::make_unique<DoorbellPeer>(server_.socket()));
        ASSERT_TRUE(peers.back()->wait_vectors(peers.back()->id(), 2));
    }
    ASSERT_TRUE(eventually(soon(), [&] { return waiting().is_number(); })) << vm.err();
    EXPECT_GT(waiting(), 0);
    EXPECT_LT(waiting(), 40) << "those that it had room for are no reason to wait";
    EXPECT_TRUE(vm.alive());
    EXPECT_EQ(vm.guest("echo well").output, "well\n");

    peers.pop_back();  // whoever leaves is not waited for
    limit(vm, 1024);
    ASSERT_TRUE(eventually(boot_deadline(), [&] { return waiting().is_null(); }));
    EXPECT_TRUE(eventually(soon(), [&] {
        EXPECT_EQ(vm.guest("shm ring 39 1").status, 0);
        return peers.back()->wait_ring(1, Deadline::after(std::chrono::milliseconds(500)));
    }));
    expect_ctl_success(*daemon_, {"detach", "vm0", "bell"});
    EXPECT_TRUE(vm.alive()) << vm.err();
}

}  // namespace
}  // namespace ivshmemd::test
