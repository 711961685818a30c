#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "tests/e2e/doctor_fixture.h"
#include "tests/support/doorbell_server.h"
#include "tests/support/json_text.h"

// Devices of a VM and what they hold on to: each fault is found, and mended by what its finding
// says, with the VM alive.

namespace ivshmemd::test {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::IsEmpty;

class DoctorOfDevices : public Doctor {};

TEST_F(DoctorOfDevices, FindsADeviceWhoseServerHasEnded) {
    QemuVm vm(dir_.path(), {.name = "vm0", .guest = true});
    DoorbellServer server({"--vectors", "2", "--size", "1M"});
    start_daemon({&vm});
    vm.wait_guest_ready();
    expect_ctl_success(*daemon_, {"attach", "vm0", "bell", "--server", server.socket(), "--vectors",
                                  "2", "--ioeventfd", "off"});
    EXPECT_TRUE(eventually(boot_deadline(), [&] { return summary().empty(); })) << findings();
    EXPECT_EQ(server.stop(), 0);
    EXPECT_TRUE(eventually(soon(), [&] { return !summary().empty(); }));
    const json found(finding("relayLost"));
    EXPECT_EQ(found["device"], "bell");
    EXPECT_THAT(found["mend"],
                HasSubstr("ivshmemctl attach vm0 bell --model ivshmem-doorbell --role peer "
                          "--server " +
                          server.socket().string() + " --vectors 2 --ioeventfd off"));
    server.start();  // as is said
    mend(found, "ivshmemctl");
    EXPECT_TRUE(eventually(boot_deadline(), [&] { return summary().empty(); })) << findings();
    EXPECT_EQ(vm.guest("echo alive").output, "alive\n");
}

TEST_F(DoctorOfDevices, FindsALeakedBackend) {
    const VmOptions options{.name = "vm0", .extra = {"-only-migratable"}};
    auto vm = std::make_optional<QemuVm>(dir_.path(), options);
    const std::string backend = "ivshmemd.old.mem";
    const json added(vm->object_add_file(backend, region_file("old"), 1 << 20));
    ASSERT_TRUE(added.contains("return")) << added;
    // The refusal of a peer keeps its backend for good.
    EXPECT_ANY_THROW(vm->spy().call(
        "device_add", {{"driver", "ivshmem-plain"}, {"memdev", backend}, {"master", "off"}}));
    start_daemon({&*vm});
    ASSERT_TRUE(wait_device_state("vm0", "old", "leaked"));
    const json found(finding("backendLeaked"));
    EXPECT_EQ(found["device"], "old");
    EXPECT_THAT(found["mend"], HasSubstr("restart the VM when that suits; systemctl restart "
                                         "ivshmemd has it tried once more before"));
    EXPECT_EQ(daemon_->stop(), 0);
    daemon_->start();
    wait_connected("vm0");
    ASSERT_TRUE(wait_device_state("vm0", "old", "leaked")) << "this one stays";
    EXPECT_TRUE(vm->alive());
    vm.reset();
    vm.emplace(dir_.path(), options);
    wait_connected("vm0");
    EXPECT_THAT(summary(), IsEmpty());
}

/// Masters, and how a QEMU is told to migrate them.
class DoctorOfMasters : public DoctorOfAPausedMachine {
  protected:
    void ignore_shared() {
        const json capability{{"capability", "x-ignore-shared"}, {"state", true}};
        vm_->spy().call("migrate-set-capabilities", {{"capabilities", json::array({capability})}});
    }
    /// Sends the QMP command that the mending ends with.
    void send(const json& finding) {
        const std::string before = "QMP command ";
        const std::string text = finding["mend"];
        const std::string words = text.substr(text.find(before) + before.size());
        const std::size_t space = words.find(' ');
        vm_->spy().call(words.substr(0, space), json::parse(words.substr(space)));
    }
};

TEST_F(DoctorOfMasters, FindsAQemuThatIsToldToLeaveTheirContentBehind) {
    attach("p");
    ignore_shared();
    EXPECT_THAT(summary(), IsEmpty()) << "there is no master";
    attach("m", {"--role", "master"});
    const json found(finding("migrationSettings"));
    EXPECT_EQ(found["device"], "m");
    send(found);
    EXPECT_THAT(summary(), IsEmpty());
    EXPECT_THAT(summary(findings({"vm0"})), IsEmpty());
    EXPECT_TRUE(vm_->alive());
}

TEST_F(DoctorOfMasters, FindsTwoOfOneRegion) {
    attach("m", {"--role", "master"});
    const json added(vm_->object_add_file("theirs-memory", region_file("m"), 1 << 20));
    ASSERT_TRUE(added.contains("return")) << added;
    vm_->spy().call("device_add", {{"driver", "ivshmem-plain"},
                                   {"memdev", "theirs-memory"},
                                   {"id", "theirs"},
                                   {"master", "on"}});
    const json found(finding("twoMasters"));
    EXPECT_THAT(found["text"], HasSubstr("vm0/m, vm0/theirs"));
    vm_->resume();
    reset_machine(*vm_);
    const std::string advised = "ivshmemctl detach vm0 --qom-path /machine/peripheral/theirs";
    EXPECT_THAT(found["mend"], HasSubstr("'" + advised + "'"));
    mend({{"mend", advised + " --no-wait || test $? = 7"}});
    EXPECT_TRUE(eventually(soon(), [&] {
        reset_machine(*vm_);  // which is when a machine without a guest lets go
        return find_device(*daemon_, "vm0", "theirs").is_null();
    }));
    vm_->pause();  // where nothing is said about what the firmware maps
    EXPECT_THAT(summary(), IsEmpty());
    EXPECT_TRUE(vm_->alive());
}

}  // namespace
}  // namespace ivshmemd::test
