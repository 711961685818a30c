#include <chrono>
#include <nlohmann/json.hpp>

#include "tests/e2e/machine.h"
#include "tests/support/json_text.h"

// Removals that the guest does not answer. The machines here only run their firmware.

namespace ivshmemd::test {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using Clock = std::chrono::steady_clock;

class PendingDetach : public MachineTest {
  protected:
    void attach(const std::string& vm, const std::string& name) {
        expect_ctl_success(*daemon_, {"attach", vm, name, "--size", "1M"});
    }

    /// A Detach that surely waits already.
    VarlinkClient start_waiting(const std::string& vm, const std::string& name) {
        VarlinkClient client(daemon_->socket());
        client.send("io.ivshmemd.Hotplug.Detach", {{"vm", vm}, {"name", name}}, true);
        EXPECT_EQ(member(client.next_reply(), "continues"), true);
        return client;
    }

    static void expect_removed(VarlinkClient& client) {
        json reply(client.next_reply());
        while (member(reply, "continues") == true) reply = client.next_reply();
        check_reply("Detach", reply);
        EXPECT_EQ(member(member(reply, "parameters"), "result"), "removed") << reply;
    }

    void expect_gone(QemuVm& vm, const std::string& name) {
        EXPECT_TRUE(eventually(soon(), [&] {
            reset_machine(vm);
            return find_device(*daemon_, vm.name(), name).is_null();
        }));
        EXPECT_TRUE(eventually(soon(), [&] { return qom_names(vm).empty(); }))
            << testing::PrintToString(qom_names(vm));
        EXPECT_FALSE(qom_names(vm, "/machine/peripheral").contains("ivshmemd." + name));
    }
};

TEST_P(PendingDetach, OfAPausedMachineCompletesByItselfLater) {
    QemuVm vm(dir_.path(), machine());
    vm.pause();
    start_daemon({&vm});
    attach("vm0", "shm0");

    const auto start = Clock::now();
    const CtlResult pending = run_ctl(*daemon_, {"detach", "vm0", "shm0", "--timeout", "2"});
    const auto took = Clock::now() - start;
    EXPECT_EQ(pending.exit_code, 7) << pending.out << pending.err;
    EXPECT_EQ(pending.json(), json({{"result", "pending"}}));
    EXPECT_GE(took, 1500ms);
    EXPECT_LE(took, 4s);
    EXPECT_EQ(member(find_device(*daemon_, "vm0", "shm0"), "state"), "detaching");

    expect_ctl_error(*daemon_, {"attach", "vm0", "shm0", "--size", "1M"}, 6, "OperationInProgress");
    // It can be asked for again, which only waits; others are not held up by it.
    VarlinkClient second(start_waiting("vm0", "shm0"));
    EXPECT_EQ(run_ctl(*daemon_, {"detach", "vm0", "shm0", "--no-wait"}).exit_code, 7);
    attach("vm0", "other");

    reset_machine(vm);
    expect_removed(second);
    EXPECT_TRUE(wait_device_state("vm0", "shm0", ""));
    EXPECT_FALSE(qom_names(vm).contains("ivshmemd.shm0.mem"));

    // A reset puts a paused machine back to "prelaunch", but it has run before.
    EXPECT_EQ(vm.spy().call("query-status")["status"], "prelaunch");
    EXPECT_EQ(run_ctl(*daemon_, {"detach", "vm0", "other", "--no-wait"}).exit_code, 7);
    reset_machine(vm);
    expect_gone(vm, "other");
    EXPECT_TRUE(vm.alive());
}

TEST_P(PendingDetach, CompletesWithoutAnyMoreRequests) {
    QemuVm vm(dir_.path(), machine());
    vm.pause();
    start_daemon({&vm});
    attach("vm0", "shm0");
    EXPECT_EQ(run_ctl(*daemon_, {"detach", "vm0", "shm0", "--timeout", "0.2", "--remove-region"})
                  .exit_code,
              7);
    EXPECT_EQ(files_in(regions_.path()), std::set<std::string>{"shm0"});
    reset_machine(vm);
    // Only QEMU and the directory are asked: no request wakes the daemon.
    EXPECT_TRUE(eventually(soon(), [&] { return qom_names(vm).empty(); }));
    EXPECT_TRUE(eventually(soon(), [&] { return files_in(regions_.path()).empty(); }));
    // The file goes a moment before the story ends.
    EXPECT_TRUE(wait_no_devices("vm0"));
    attach("vm0", "shm0");
    EXPECT_EQ(qom_names(vm), std::set<std::string>{"ivshmemd.shm0.mem"});
}

TEST_P(PendingDetach, OfARunningMachineIsJoinedByOthers) {
    QemuVm vm(dir_.path(), machine());
    start_daemon({&vm});
    attach("vm0", "shm0");
    Child first(start_detach("vm0", "shm0"));
    ASSERT_TRUE(wait_device_state("vm0", "shm0", "detaching"));
    VarlinkClient second(start_waiting("vm0", "shm0"));
    const json no_wait(
        call_api(*daemon_, "Detach", {{"vm", "vm0"}, {"name", "shm0"}, {"timeoutMs", 0}}));
    EXPECT_EQ(member(no_wait, "parameters"), json({{"result", "pending"}}));
    reset_machine(vm);
    EXPECT_EQ(first.wait_exit(soon()), 0) << first.err();
    expect_removed(second);
    expect_gone(vm, "shm0");
}

TEST_P(PendingDetach, TellsOfItsProgress) {
    QemuVm vm(dir_.path(), machine());
    start_daemon({&vm});
    attach("vm0", "shm0");
    VarlinkClient client(daemon_->socket());
    client.send("io.ivshmemd.Hotplug.Detach", {{"vm", "vm0"}, {"name", "shm0"}}, true);
    const json first(client.next_reply());
    check_reply("Detach", first);
    EXPECT_EQ(member(first, "continues"), true) << first;
    EXPECT_TRUE(member(member(first, "parameters"), "progress").is_object()) << first;
    EXPECT_EQ(member(member(first, "parameters"), "result"), nullptr);
    ASSERT_TRUE(wait_device_state("vm0", "shm0", "detaching"));
    reset_machine(vm);
    json last(client.next_reply());
    while (member(last, "continues") == true) {
        check_reply("Detach", last);
        last = client.next_reply();
    }
    check_reply("Detach", last);
    EXPECT_EQ(member(member(last, "parameters"), "result"), "removed") << last;
    EXPECT_EQ(member(member(last, "parameters"), "progress"), nullptr);
}

TEST_P(PendingDetach, IsKeptBeforeTheFirstStartAndAskedForAfterIt) {
    QemuVm vm(dir_.path(), traced(machine({.paused = true})));
    start_daemon({&vm});
    attach("vm0", "shm0");
    EXPECT_EQ(run_ctl(*daemon_, {"detach", "vm0", "shm0", "--no-wait"}).exit_code, 7);
    EXPECT_EQ(times_heard(vm, "device_del"), 0) << "QEMU would lose it for good";
    EXPECT_EQ(member(find_device(*daemon_, "vm0", "shm0"), "state"), "detaching");

    vm.resume();
    ASSERT_TRUE(eventually(boot_deadline(), [&] { return times_heard(vm, "device_del") > 0; }));
    reset_machine(vm);
    ASSERT_TRUE(wait_no_devices("vm0"));
    expect_gone(vm, "shm0");
}

INSTANTIATE_TEST_SUITE_P(, PendingDetach, testing::ValuesIn(acpi_machines()), machine_name);

}  // namespace
}  // namespace ivshmemd::test
