#include <nlohmann/json.hpp>
#include <thread>

#include "tests/bench/bench.h"
#include "tests/bench/program_size.h"
#include "tests/bench/running.h"
#include "tests/support/daemon_process.h"
#include "tests/support/qemu_vm.h"

namespace ivshmemd::bench {
namespace {

using namespace test;

constexpr int starts = 50;

/// A daemon that looks after one machine.
class Single {
  public:
    explicit Single(const std::filesystem::path& program)
        : vm_(directory_.path(), {.name = "vm0", .paused = true}),
          daemon_({.vms = {{"vm0", vm_.qmp_socket()}}, .program = program}) {}

    Side time_starts() {
        Samples ready;
        for (int i = 0; i < starts; ++i) {
            daemon_.stop();
            ready.measure([&] { daemon_.start(); });
        }
        return ready;
    }
    void make_busy() {
        daemon_.wait_vm_state("vm0", "connected", soon());
        daemon_.varlink("Probe", {{"vm", "vm0"}});
    }
    double memory() { return mebibytes_of(pid(), "VmRSS"); }
    pid_t pid() { return daemon_.process().pid(); }

  private:
    TempDir directory_;
    QemuVm vm_;
    DaemonProcess daemon_;
};

Side only(double value) {
    Samples samples;
    samples.add(value);
    return samples;
}

std::filesystem::path own_program() {
    return std::filesystem::path(IVSHMEMD_BIN_DIR) / "ivshmemd";
}

void add_size(Report& report, const Options& options) {
    Row row{.name = "ivshmemd, stripped",
            .unit = "MiB",
            .ours = only(text_of(own_program())),
            .goal = Goal{Judged::median, 2.0}};
    if (!options.against.empty()) row.reference = "the other build";
    if (!options.against.empty()) row.beside = only(text_of(options.against));
    report.add(row);
}

}  // namespace

void measure_process(Report& report, const Options& options) {
    add_size(report, options);
    Single ours("");
    std::optional<Single> other;
    if (!options.against.empty()) other.emplace(options.against);
    report.add(
        {.name = "start to READY", .ours = ours.time_starts(), .goal = Goal{Judged::median, 15}});
    ours.make_busy();
    if (other) other->make_busy();
    std::this_thread::sleep_for(settle_time);
    Row memory{.name = "resident memory, one VM",
               .unit = "MiB",
               .ours = only(ours.memory()),
               .goal = Goal{Judged::median, 5.5}};
    if (other) memory.reference = "the other build";
    if (other) memory.beside = only(other->memory());
    report.add(memory);
    report.add_figure("wake-ups in 5 s of idleness, one VM", wake_ups_of(ours.pid()), 0, "");
}

}  // namespace ivshmemd::bench
