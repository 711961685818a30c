#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/e2e/machine.h"
#include "tests/support/qemu_test.h"
#include "tests/support/qemu_vm.h"

namespace ivshmemd::test {
namespace {

using nlohmann::json;

constexpr uint64_t region_size = 1 << 20;

void write_file(const std::filesystem::path& file, uint64_t offset, const std::string& text) {
    std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
    stream.seekp(static_cast<std::streamoff>(offset));
    stream << text;
}

std::string read_file(const std::filesystem::path& file, uint64_t offset, size_t length) {
    std::ifstream stream(file, std::ios::binary);
    stream.seekg(static_cast<std::streamoff>(offset));
    std::string text(length, '\0');
    stream.read(text.data(), static_cast<std::streamsize>(length));
    return text;
}

class Support : public QemuTest {
  protected:
    // A region with a word from the host, attached without any help of the daemon.
    void attach(QemuVm& vm, const json& placement = json::object()) {
        std::ofstream(file_).close();
        std::filesystem::resize_file(file_, region_size);
        write_file(file_, 64, "from the host");
        const json backend = vm.object_add_file("m0", file_, region_size);
        ASSERT_TRUE(backend.contains("return")) << backend;
        json device{{"driver", "ivshmem-plain"}, {"id", "iv0"}, {"memdev", "m0"}, {"master", "on"}};
        device.update(placement);
        vm.spy().call("device_add", device);
    }

    static bool guest_maps_device(QemuVm& vm) {
        return eventually(boot_deadline(), [&] {
            // "0000:00:1f.0 0xfe000000 1048576"; size 0 until the memory is mapped.
            return vm.guest("shm list").output.ends_with(" 1048576\n");
        });
    }

    void exchange_words(QemuVm& vm) {
        EXPECT_EQ(vm.guest("shm read 64 13").output, "from the host");
        EXPECT_EQ(vm.guest("shm write 128 'from the guest'").status, 0);
        EXPECT_EQ(read_file(file_, 128, 14), "from the guest");
    }

    static void detach(QemuVm& vm) {
        vm.spy().call("device_del", {{"id", "iv0"}});
        const json event =
            vm.spy().wait_event("DEVICE_DELETED", boot_deadline(),
                                [](const json& data) { return data.value("device", "") == "iv0"; });
        EXPECT_EQ(event["data"]["path"], "/machine/peripheral/iv0");
        vm.spy().call("object-del", {{"id", "m0"}});
        EXPECT_TRUE(
            eventually(boot_deadline(), [&] { return vm.guest("shm list").output.empty(); }));
    }

    std::filesystem::path file_ = regions_ / "region";
};

TEST_F(Support, GuestOnI440fxSharesMemoryWithTheHost) {
    QemuVm vm(dir_.path(), {.name = "pc0", .guest = true});
    vm.wait_guest_ready();
    EXPECT_EQ(vm.guest("shm list").output, "");
    attach(vm);
    ASSERT_TRUE(guest_maps_device(vm));
    exchange_words(vm);
    detach(vm);
    EXPECT_TRUE(vm.alive());
}

TEST_F(Support, GuestBehindARootPortSharesMemoryWithTheHost) {
    if (!q35_has_acpi_hotplug()) GTEST_SKIP() << old_ports_drop;
    QemuVm vm(dir_.path(), {.name = "q0", .machine = "q35", .root_ports = 2, .guest = true});
    vm.wait_guest_ready();
    attach(vm, {{"bus", "rp1"}, {"addr", "0"}});
    ASSERT_TRUE(guest_maps_device(vm));
    exchange_words(vm);
    detach(vm);
}

TEST_F(Support, GuestAnswersWithStatusAndBothStreams) {
    QemuVm vm(dir_.path(), {.guest = true});
    vm.wait_guest_ready();
    const GuestResult result = vm.guest("echo one; echo two >&2; exit 7");
    EXPECT_EQ(result.status, 7);
    EXPECT_EQ(result.output, "one\ntwo\n");
    EXPECT_EQ(vm.guest("shm read 0 4").status, 1) << "there is no device";
    EXPECT_EQ(vm.guest("printf bare").output, "bare");
    vm.spy().call("system_reset");
    vm.wait_guest_ready();
    EXPECT_EQ(vm.guest("echo again").output, "again\n");
}

TEST_F(Support, PausedMachineHasTwoMonitors) {
    QemuVm vm(dir_.path(), {.machine = "q35", .root_ports = 3, .paused = true});
    EXPECT_GE(vm.version(), 3001);
    EXPECT_EQ(vm.spy().call("query-status")["status"], "prelaunch");
    QmpClient second(vm.qmp_socket(), soon());
    EXPECT_EQ(second.call("query-name")["name"], "vm0");
    vm.resume();
    EXPECT_EQ(second.wait_event("RESUME", soon())["event"], "RESUME");
    vm.pause();
    EXPECT_EQ(second.call("query-status")["status"], "paused");
    vm.quit();
    EXPECT_FALSE(vm.alive());
}

TEST_F(Support, QemuThatRefusesItsArgumentsSaysWhy) {
    try {
        QemuVm vm(dir_.path(), {.extra = {"-no-such-option"}});
        FAIL() << "it started";
    } catch (const std::runtime_error& error) {
        EXPECT_NE(std::string(error.what()).find("no-such-option"), std::string::npos);
    }
}

}  // namespace
}  // namespace ivshmemd::test
