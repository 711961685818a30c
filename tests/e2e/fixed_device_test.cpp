#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "tests/e2e/machine.h"
#include "tests/support/json_text.h"

// Devices that cannot leave while their machine runs: nobody is told to detach them.

namespace ivshmemd::test {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

class FixedDevice : public HotplugTest {};

// As Looking Glass and Proxmox have it.
TEST_F(FixedDevice, OnTheRootOfAQ35NeedsARestart) {
    make_file(region_file("glass"), 1 << 20);
    QemuVm vm(dir_.path(),
              {.machine = "q35",
               .root_ports = 1,
               .extra = {"-object",
                         "memory-backend-file,id=glassmem,size=1M,share=on,mem-path=" +
                             region_file("glass").string(),
                         "-device",
                         "ivshmem-plain,id=glass,memdev=glassmem,master=off,bus=pcie.0,addr=10"}});
    start_daemon({&vm});
    const std::string path = "/machine/peripheral/glass";
    const json error(
        expect_ctl_error(*daemon_, {"detach", "vm0", "--qom-path", path}, 9, "ConfigUnsupported"));
    const std::string words = "needs a restart without it, or behind a root port";
    EXPECT_THAT(error.value("message", ""), HasSubstr(words));

    const CtlResult verdict = run_ctl(*daemon_, {"can-migrate", "vm0"});
    EXPECT_THAT(verdict.out + verdict.err, HasSubstr(words));
    EXPECT_THAT(verdict.out + verdict.err, Not(HasSubstr("detach it")));
    const CtlResult doctor = run_ctl(*daemon_, {"doctor", "vm0"});
    EXPECT_THAT(doctor.out, Not(HasSubstr("ivshmemctl detach")));
    EXPECT_EQ(find_device(*daemon_, "vm0", "glass")["state"], "attached");
}

// The guest lets go, and QEMU never hears of it.
TEST_F(FixedDevice, BehindAPortWithoutAPowerControllerIsNotAskedToLeave) {
    VmOptions options{.machine = "q35", .paused = true};
    for (const char* off : {"rp0,power_controller_present=off", "rp1"}) {
        const std::string digit(1, off[2]);
        options.extra.insert(options.extra.end(),
                             {"-device", "pcie-root-port,bus=pcie.0,chassis=" + digit +
                                             "1,slot=" + digit + "1,id=" + off});
    }
    const std::vector<std::string> native = native_hotplug();
    options.extra.insert(options.extra.end(), native.begin(), native.end());
    QemuVm vm(dir_.path(), traced(options));
    start_daemon({&vm});
    const json first(
        expect_ctl_success(*daemon_, {"attach", "vm0", "a", "--size", "1M"})["device"]);
    EXPECT_EQ(member(first, "bus"), "rp1") << "the other is the last choice";
    expect_ctl_success(*daemon_, {"attach", "vm0", "b", "--size", "1M"});
    const json error(expect_ctl_error(*daemon_, {"detach", "vm0", "b"}, 9, "ConfigUnsupported"));
    EXPECT_THAT(error.value("message", ""), HasSubstr("power_controller_present=off"));
    EXPECT_EQ(times_heard(vm, "device_del"), 0);
    EXPECT_EQ(find_device(*daemon_, "vm0", "b")["state"], "attached");
}

}  // namespace
}  // namespace ivshmemd::test
