#include <algorithm>
#include <nlohmann/json.hpp>

#include "tests/support/doorbell_peer.h"
#include "tests/support/doorbell_server.h"
#include "tests/support/qemu_test.h"
#include "tests/support/qemu_vm.h"

namespace ivshmemd::test {
namespace {

// Those that this kernel has: vfio_virqfd is a part of vfio since Linux 6.2.
constexpr const char* modules =
    "irqbypass vfio_virqfd vfio vfio_iommu_type1 vfio-pci-core 'vfio-pci ids=1af4:1110'";

/// Guests that take the interrupts of their ivshmem-doorbell device in user space.
class InterruptTest : public QemuTest {
  protected:
    std::unique_ptr<QemuVm> start(const std::string& name) {
        VmOptions options{.name = name, .machine = "q35", .root_ports = 1, .guest = true};
        options.extra = {"-device",  "intel-iommu",
                         "-chardev", "socket,id=bell,path=" + server_.socket().string(),
                         "-device",  "ivshmem-doorbell,chardev=bell,bus=rp0,vectors=2"};
        return std::make_unique<QemuVm>(dir_.path(), std::move(options));
    }

    /// Starts to take interrupts, once the guest is there.
    static void take_interrupts(QemuVm& vm) {
        vm.wait_guest_ready();
        const GuestResult loaded =
            vm.guest("for m in " + std::string(modules) +
                     "; do set -- $m; name=$1; shift; [ -e /modules/$name.ko ] || continue; "
                     "insmod /modules/$name.ko $* || exit 1; done");
        ASSERT_EQ(loaded.status, 0) << loaded.output;
        vm.guest("interrupts 2 /tmp/fifo >>/tmp/log 2>&1 &");
        ASSERT_TRUE(eventually(boot_deadline(), [&] { return log_of(vm).starts_with("ready "); }))
            << log_of(vm) << vm.guest("dmesg | tail -n 20").output;
    }

    static std::string log_of(QemuVm& vm) { return vm.guest("cat /tmp/log").output; }

    static bool wait_interrupt(QemuVm& vm, int vector) {
        const std::string line = "vector " + std::to_string(vector) + "\n";
        const bool came =
            eventually(boot_deadline(), [&] { return log_of(vm).find(line) != std::string::npos; });
        vm.guest(": >/tmp/log");
        return came;
    }

    static void ring(QemuVm& vm, std::int64_t peer, int vector) {
        const GuestResult result =
            vm.guest("echo " + std::to_string(peer) + " " + std::to_string(vector) + " >/tmp/fifo");
        EXPECT_EQ(result.status, 0) << result.output;
    }

    DoorbellServer server_{{"--vectors", "2", "--size", "1M"}};
};

TEST_F(InterruptTest, FlowBetweenMachinesAndHostPrograms) {
    const auto first = start("first");
    const auto second = start("second");
    DoorbellPeer host(server_.socket());
    for (const std::int64_t id : {0, 1, 2}) ASSERT_TRUE(host.wait_vectors(id, 2));
    take_interrupts(*first);
    take_interrupts(*second);
    EXPECT_EQ(log_of(*first), "ready 0\n");
    EXPECT_EQ(log_of(*second), "ready 1\n");
    for (const int vector : {1, 0}) {
        host.ring(0, static_cast<size_t>(vector));
        EXPECT_TRUE(wait_interrupt(*first, vector)) << "from the host";
        ring(*first, 1, vector);
        EXPECT_TRUE(wait_interrupt(*second, vector)) << "from the first machine";
        ring(*second, 0, vector);
        EXPECT_TRUE(wait_interrupt(*first, vector)) << "from the second machine";
        ring(*second, 2, vector);
        EXPECT_TRUE(host.wait_ring(static_cast<size_t>(vector))) << "from the second machine";
    }
    EXPECT_EQ(log_of(*second), "") << "nobody has rung it for nothing";
}

}  // namespace
}  // namespace ivshmemd::test
