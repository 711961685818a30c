#include <signal.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/e2e/machine.h"
#include "tests/support/json_text.h"

// Devices that the configuration declares, with machines that come and go.

namespace ivshmemd::test {
namespace {

using nlohmann::json;

class DeclaredDevice : public MachineTest {
  protected:
    std::string config_file() const { return dir_ / "ivshmemd.toml"; }

    /// A configuration with the machine vm0 and these tables.
    void configure(const std::string& devices) {
        std::ofstream(config_file())
            << "[[vm]]\nname = \"vm0\"\nqmp = \"" << (dir_ / "vm0.qmp").string() << "\"\n"
            << devices;
    }
    static std::string device(const std::string& name, const std::string& more = "") {
        return "[[vm.device]]\nname = \"" + name + "\"\nsize = \"1M\"\n" + more;
    }

    void start_daemon_with(const std::string& devices) {
        configure(devices);
        start_daemon({}, {.extra = {"--config", config_file()}});
    }
    void reload(const std::string& devices) {
        configure(devices);
        ASSERT_EQ(check_config(), 0);
        daemon_->process().signal(SIGHUP);
    }
    int check_config() {
        const std::string program = std::string(IVSHMEMD_BIN_DIR) + "/ivshmemd";
        return run(Command{{program, "--check-config", "--config", config_file()}}).exit_code;
    }

    bool wait_attached(const std::string& name) {
        return wait_device_state("vm0", name, "attached");
    }

    /// What the daemon says of this device of vm0 that is not as declared; empty when it is.
    std::string failure_of(const std::string& name) {
        const json vm(find_vm(*daemon_, "vm0"));
        for (const json& each : member(vm, "declaredFailures")) {
            if (member(each, "device") == name) return each["message"];
        }
        return "";
    }

    /// What the state file says became of a declared device; empty when it says nothing.
    std::string remembered(const std::string& name) {
        std::ifstream file(daemon_->state_dir() / "state.json");
        const json state = json::parse(file, nullptr, false);
        for (const json& each : member(state, "declared")) {
            if (member(each, "device") == name) return each["fate"];
        }
        return "";
    }
};

TEST_P(DeclaredDevice, IsThereWheneverItsMachineIs) {
    start_daemon_with(device("shm0"));
    ASSERT_TRUE(daemon_->wait_vm_state("vm0", "unreachable", soon()));
    std::optional<QemuVm> vm;
    vm.emplace(dir_.path(), machine({.guest = true}));
    ASSERT_TRUE(wait_attached("shm0"));
    vm->wait_guest_ready();
    ASSERT_TRUE(wait_mapped(*vm, "shm0"));
    write_file(region_file("shm0"), 64, "from the host");
    EXPECT_EQ(vm->guest("shm read 64 13").output, "from the host");

    vm->kill();
    ASSERT_TRUE(daemon_->wait_vm_state("vm0", "unreachable", soon()));
    vm.emplace(dir_.path(), machine({.guest = true}));
    wait_connected("vm0");
    ASSERT_TRUE(wait_attached("shm0"));
    vm->wait_guest_ready();
    ASSERT_TRUE(wait_mapped(*vm, "shm0"));
    EXPECT_EQ(vm->guest("shm read 64 13").output, "from the host");
    EXPECT_EQ(failure_of("shm0"), "");
}

TEST_P(DeclaredDevice, ComesAndGoesByAReloadAndLeavesOthersAlone) {
    if (has_old_ports()) GTEST_SKIP() << old_ports_drop;
    QemuVm vm(dir_.path(), traced(machine({.root_ports = 5, .guest = true})));
    start_daemon_with(device("one") + device("two", "role = \"master\"\n"));
    ASSERT_TRUE(wait_attached("one"));
    ASSERT_TRUE(wait_attached("two"));
    expect_ctl_success(*daemon_, {"attach", "vm0", "hand", "--size", "1M"});
    vm.wait_guest_ready();

    reload(device("two", "role = \"master\"\n") + device("three"));
    ASSERT_TRUE(wait_attached("three"));
    ASSERT_TRUE(
        eventually(boot_deadline(), [&] { return find_device(*daemon_, "vm0", "one").is_null(); }));
    EXPECT_EQ(qom_names(vm), (std::set<std::string>{"ivshmemd.hand.mem", "ivshmemd.three.mem",
                                                    "ivshmemd.two.mem"}));
    EXPECT_EQ(times_heard(vm, "device_add"), 4);
    EXPECT_EQ(files_in(regions_.path()), (std::set<std::string>{"hand", "one", "three", "two"}));

    reload("");
    ASSERT_TRUE(eventually(boot_deadline(), [&] {
        return qom_names(vm) == std::set<std::string>{"ivshmemd.hand.mem"};
    }));
    EXPECT_EQ(member(find_device(*daemon_, "vm0", "hand"), "state"), "attached");
    EXPECT_TRUE(vm.alive());
}

TEST_P(DeclaredDevice, IsExchangedWhenItsDeclarationChanges) {
    QemuVm vm(dir_.path(), machine({.guest = true}));
    start_daemon_with(device("shm0"));
    ASSERT_TRUE(wait_attached("shm0"));
    vm.wait_guest_ready();
    ASSERT_TRUE(wait_mapped(vm, "shm0"));
    reload(device("shm0", "role = \"master\"\n"));
    ASSERT_TRUE(eventually(boot_deadline(), [&] {
        return member(find_device(*daemon_, "vm0", "shm0"), "role") == "master";
    }));
    ASSERT_TRUE(wait_mapped(vm, "shm0"));
    EXPECT_EQ(failure_of("shm0"), "");
}

TEST_P(DeclaredDevice, ThatWasTakenOutByHandStaysAwayOverARestartOfTheDaemon) {
    QemuVm vm(dir_.path(), machine({.guest = true}));
    start_daemon_with(device("shm0"));
    ASSERT_TRUE(wait_attached("shm0"));
    vm.wait_guest_ready();
    detach("vm0", "shm0");
    daemon_->kill();
    configure(device("shm0") + device("zzz"));
    daemon_->start();
    // They are attached in the order of the configuration.
    ASSERT_TRUE(wait_attached("zzz"));
    EXPECT_TRUE(find_device(*daemon_, "vm0", "shm0").is_null());
    reload(device("shm0") + device("zzz"));
    ASSERT_TRUE(wait_attached("shm0"));

    // Attached by hand, it is no longer the configuration's.
    detach("vm0", "shm0");
    expect_ctl_success(*daemon_, {"attach", "vm0", "shm0", "--size", "1M"});
    EXPECT_EQ(remembered("shm0"), "none");
    reload(device("zzz"));
    ASSERT_TRUE(eventually(soon(), [&] { return remembered("shm0").empty(); }));
    EXPECT_EQ(member(find_device(*daemon_, "vm0", "shm0"), "state"), "attached");
}

TEST_P(DeclaredDevice, ThatCannotBeIsReported) {
    QemuVm vm(dir_.path(), machine());
    start_daemon_with(device("old", "model = \"ivshmem\"\n") + device("new"));
    ASSERT_TRUE(wait_attached("new"));
    ASSERT_TRUE(eventually(soon(), [&] { return !failure_of("old").empty(); }));
    EXPECT_TRUE(failure_of("old").starts_with("ModelNotSupported: ")) << failure_of("old");
    EXPECT_NE(daemon_->process().err().find(
                  "vm0: old is not as the configuration declares it: ModelNotSupported"),
              std::string::npos);
    EXPECT_EQ(member(find_vm(*daemon_, "vm0"), "state"), "connected");
    EXPECT_EQ(member(find_vm(*daemon_, "vm0"), "lastError"), nullptr);

    // A configuration that is wrong changes nothing.
    configure(device("new") + device("bad", "role = \"auto\"\n"));
    EXPECT_EQ(check_config(), 2);
    daemon_->process().signal(SIGHUP);
    ASSERT_TRUE(eventually(soon(), [&] {
        return daemon_->process().err().find("not reloaded") != std::string::npos;
    }));
    EXPECT_NE(failure_of("old"), "");

    reload(device("new"));
    EXPECT_TRUE(eventually(soon(), [&] { return failure_of("old").empty(); }));
    EXPECT_EQ(member(find_device(*daemon_, "vm0", "new"), "state"), "attached");
}

INSTANTIATE_TEST_SUITE_P(, DeclaredDevice, testing::ValuesIn(all_machines()), machine_name);

}  // namespace
}  // namespace ivshmemd::test
