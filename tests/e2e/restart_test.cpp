#include <nlohmann/json.hpp>

#include "tests/e2e/machine.h"
#include "tests/support/json_text.h"

// Truth lives in QEMU: what the daemon knows after it was stopped or killed.

namespace ivshmemd::test {
namespace {

using nlohmann::json;

constexpr const char* foreign_path = "/machine/peripheral/theirs";
constexpr const char* anonymous_path = "/machine/peripheral-anon/device[0]";

class Restart : public MachineTest {
  protected:
    void restart(bool killed) {
        if (killed) {
            daemon_->kill();
        } else {
            EXPECT_EQ(daemon_->stop(), 0);
        }
        daemon_->start();
        wait_connected("vm0");
    }

    void attach(std::initializer_list<std::string> options, bool changed) {
        std::vector<std::string> arguments{"attach", "vm0"};
        arguments.insert(arguments.end(), options);
        EXPECT_EQ(member(expect_ctl_success(*daemon_, arguments), "changed"), changed);
    }

    /// Detaches by QOM path with the help of a reset.
    void detach_path(QemuVm& vm, const std::string& path) {
        Child detach(daemon_->ctl_command({"--json=short", "detach", "vm0", "--qom-path", path}));
        ASSERT_TRUE(eventually(soon(), [&] {
            for (const json& device : list_devices(*daemon_, "vm0")) {
                if (member(device, "qomPath") == path)
                    return member(device, "state") == "detaching";
            }
            return true;  // where nobody needs to be asked, it is over already
        })) << detach.err();
        EXPECT_EQ(reset_until_exit(vm, detach), 0) << detach.out() << detach.err();
    }
};

class RestartInARemoval : public Restart {};

TEST_P(Restart, FindsItsDevicesAsTheyWere) {
    if (has_old_ports()) GTEST_SKIP() << old_ports_keep;
    QemuVm vm(dir_.path(), traced(machine()));
    start_daemon({&vm});
    attach({"shm0", "--size", "1M"}, true);
    attach({"shm1", "--size", "2M", "--role", "master", "--region", "other"}, true);
    const json devices(list_devices(*daemon_, "vm0"));
    const json state(machine_state(vm));
    ASSERT_EQ(devices.size(), 2u) << devices;
    for (const bool killed : {false, true}) {
        SCOPED_TRACE(killed ? "killed" : "stopped");
        restart(killed);
        EXPECT_EQ(list_devices(*daemon_, "vm0"), devices);
        attach({"shm0", "--size", "1M"}, false);
        attach({"shm1", "--size", "2M", "--role", "master", "--region", "other"}, false);
        expect_ctl_error(*daemon_, {"attach", "vm0", "shm0", "--role", "master"}, 6,
                         "DeviceExists");
        EXPECT_EQ(machine_state(vm), state);
    }
    EXPECT_EQ(times_heard(vm, "device_add"), 2);
    // That the daemon made the region is known over the restarts as well.
    detach_by_reset(vm, "shm0", {"--remove-region"});
    EXPECT_EQ(files_in(regions_.path()), std::set<std::string>{"other"});
}

TEST_P(RestartInARemoval, CompletesARemovalThatEndsMeanwhile) {
    QemuVm vm(dir_.path(), traced(machine()));
    start_daemon({&vm});
    int asked = 0;
    for (const std::vector<std::string>& wait : {std::vector<std::string>{"--no-wait"}, {}}) {
        SCOPED_TRACE(wait.empty() ? "killed while a call waits" : "killed after the call");
        attach({"shm0", "--size", "1M"}, true);
        std::vector<std::string> options(wait);
        options.emplace_back("--remove-region");
        Child detach(start_detach("vm0", "shm0", options));
        ++asked;
        ASSERT_TRUE(eventually(soon(), [&] { return times_heard(vm, "device_del") == asked; }));
        if (!wait.empty()) {
            EXPECT_EQ(detach.wait_exit(soon()), 7);
        }
        daemon_->kill();
        ASSERT_TRUE(eventually(soon(), [&] {
            reset_machine(vm);
            return !qom_names(vm, "/machine/peripheral").contains("ivshmemd.shm0");
        }));
        EXPECT_EQ(qom_names(vm), std::set<std::string>{"ivshmemd.shm0.mem"});
        daemon_->start();
        wait_connected("vm0");
        EXPECT_TRUE(eventually(soon(), [&] { return qom_names(vm).empty(); }));
        EXPECT_TRUE(eventually(soon(), [&] { return files_in(regions_.path()).empty(); }))
            << "the region was to be removed with the device";
        EXPECT_TRUE(wait_no_devices("vm0")) << list_devices(*daemon_, "vm0");
    }
}

TEST_P(RestartInARemoval, FinishesARemovalThatIsStillPending) {
    QemuVm vm(dir_.path(), machine());
    start_daemon({&vm});
    attach({"shm0", "--size", "1M"}, true);
    EXPECT_EQ(
        run_ctl(*daemon_, {"detach", "vm0", "shm0", "--no-wait", "--remove-region"}).exit_code, 7);
    restart(true);
    EXPECT_TRUE(wait_device_state("vm0", "shm0", "detaching"));
    expect_ctl_error(*daemon_, {"attach", "vm0", "shm0", "--size", "1M"}, 6, "OperationInProgress");
    reset_machine(vm);
    EXPECT_TRUE(eventually(soon(), [&] { return qom_names(vm).empty(); }));
    EXPECT_TRUE(eventually(soon(), [&] { return files_in(regions_.path()).empty(); }));
    EXPECT_TRUE(wait_no_devices("vm0")) << list_devices(*daemon_, "vm0");
}

TEST_P(Restart, LeavesForeignDevicesAlone) {
    if (has_old_ports()) GTEST_SKIP() << old_ports_keep;
    QemuVm vm(dir_.path(), machine());
    add_foreign_device(vm, "theirs", foreign_bus(0));
    start_daemon({&vm});
    const json found(find_device(*daemon_, "vm0", "theirs"));
    EXPECT_EQ(member(found, "origin"), "foreign") << found;
    EXPECT_EQ(member(found, "role"), "master");
    EXPECT_EQ(member(found, "size"), 1 << 20);
    EXPECT_EQ(member(found, "qomPath"), foreign_path);
    EXPECT_EQ(member(found, "model"), "ivshmem_plain");
    EXPECT_EQ(member(found, "blocksMigration"), false);

    // One that comes while the daemon looks on, without an id; it shows after the next restart at
    // the latest.
    add_foreign_device(vm, "nameless", foreign_bus(1), true);
    const json state(machine_state(vm));
    for (const bool killed : {false, true}) {
        restart(killed);
        EXPECT_EQ(member(find_device(*daemon_, "vm0", "device[0]"), "qomPath"), anonymous_path);
        EXPECT_EQ(member(find_device(*daemon_, "vm0", "device[0]"), "origin"), "foreign");
        EXPECT_EQ(find_device(*daemon_, "vm0", "theirs"), found);
        EXPECT_EQ(machine_state(vm), state);
    }
    // A foreign device is no device of that name.
    expect_ctl_error(*daemon_, {"detach", "vm0", "theirs"}, 3, "NoSuchDevice");

    detach_path(vm, foreign_path);
    EXPECT_EQ(qom_names(vm), (std::set<std::string>{"theirs-memory", "nameless-memory"}));
    detach_path(vm, anonymous_path);
    EXPECT_EQ(qom_names(vm), (std::set<std::string>{"theirs-memory", "nameless-memory"}));
    EXPECT_EQ(list_devices(*daemon_, "vm0"), json::array());
    EXPECT_TRUE(vm.alive());
}

TEST_P(Restart, RemovesBackendsThatItLeftBehind) {
    QemuVm vm(dir_.path(), machine());
    for (const char* id : {"ivshmemd.x.mem", "theirs", "ivshmemdx.mem"}) {
        const json added(vm.object_add_file(id, regions_ / "file", 1 << 20));
        ASSERT_TRUE(added.contains("return")) << added;
    }
    vm.spy().call("chardev-add", {{"id", "ivshmemd.x.chr"},
                                  {"backend", {{"type", "null"}, {"data", json::object()}}}});
    vm.spy().call("chardev-add",
                  {{"id", "theirs"}, {"backend", {{"type", "null"}, {"data", json::object()}}}});
    start_daemon({&vm});
    EXPECT_TRUE(eventually(soon(), [&] { return !qom_names(vm).contains("ivshmemd.x.mem"); }));
    EXPECT_TRUE(
        eventually(soon(), [&] { return !qom_names(vm, "/chardevs").contains("ivshmemd.x.chr"); }));
    EXPECT_EQ(qom_names(vm), (std::set<std::string>{"theirs", "ivshmemdx.mem"}));
    EXPECT_TRUE(qom_names(vm, "/chardevs").contains("theirs"));
    EXPECT_EQ(files_in(regions_.path()), std::set<std::string>{"file"});
    attach({"x", "--size", "1M"}, true);
    EXPECT_TRUE(qom_names(vm).contains("ivshmemd.x.mem"));
}

INSTANTIATE_TEST_SUITE_P(, Restart, testing::ValuesIn(all_machines()), machine_name);
INSTANTIATE_TEST_SUITE_P(, RestartInARemoval, testing::ValuesIn(acpi_machines()), machine_name);

}  // namespace
}  // namespace ivshmemd::test
