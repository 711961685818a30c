#include <nlohmann/json.hpp>
#include <thread>

#include "tests/bench/bench.h"
#include "tests/bench/running.h"
#include "tests/support/daemon_process.h"
#include "tests/support/qemu_vm.h"

namespace ivshmemd::bench {
namespace {

using test::DaemonProcess;

constexpr int starts = 20;
// The kernel timer may still fire once for the deadline of the last question, though long answered.
constexpr std::chrono::seconds settle{12};
constexpr std::chrono::seconds idle_time{10};

}  // namespace

void measure_process(Report& report) {
    test::TempDir directory;
    const test::QemuVm vm(directory.path(), {.name = "vm0", .paused = true});
    test::DaemonOptions options;
    options.vms = {{"vm0", vm.qmp_socket()}};
    DaemonProcess daemon(options);
    Samples ready;
    for (int i = 0; i < starts; ++i) {
        daemon.stop();
        ready.measure([&] { daemon.start(); });
    }
    report.line("start to READY", ready);
    report.goal("start to READY, median", ready.median(), 15, "ms");

    daemon.wait_vm_state("vm0", "connected", test::soon());
    daemon.varlink("Probe", {{"vm", "vm0"}});
    std::this_thread::sleep_for(settle);
    const pid_t pid = daemon.process().pid();
    report.goal("resident memory with one VM", static_cast<double>(status_of(pid, "VmRSS")) / 1024,
                10, "MiB");
    const long before = status_of(pid, "voluntary_ctxt_switches");
    std::this_thread::sleep_for(idle_time);
    report.goal("wake-ups in 10 s of idleness",
                static_cast<double>(status_of(pid, "voluntary_ctxt_switches") - before), 0,
                "times");
}

}  // namespace ivshmemd::bench
