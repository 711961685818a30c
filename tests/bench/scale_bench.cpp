#include <sys/resource.h>

#include <atomic>
#include <mutex>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <thread>

#include "tests/bench/bench.h"
#include "tests/bench/fake_machines.h"
#include "tests/bench/running.h"
#include "tests/e2e/machine_state.h"
#include "tests/support/daemon_process.h"

namespace ivshmemd::bench {
namespace {

using nlohmann::json;
using namespace test;

constexpr std::size_t machines = 1000;
constexpr std::size_t clients = 64;
constexpr int turns = 4;                        // of each program
constexpr std::size_t cycles = 4000;            // attaches and detaches in a turn
constexpr std::uint64_t region_size = 1 << 20;  // bytes

void raise_file_limit() {
    rlimit files{};
    ::getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &files);
}

/// A thousand machines, and a daemon that looks after them.
class Herd {
  public:
    explicit Herd(const std::filesystem::path& program)
        : fakes_(fake_machines(fake_monitors(directory_.path(), machines))) {
        make_file(regions_ / "shared", region_size);
        DaemonOptions options;
        options.vms = fake_monitors(directory_.path(), machines);
        options.region_dir = regions_.path();
        options.program = program;
        options.extra = {"--log-level", "warning"};
        daemon_.emplace(options);
        VarlinkClient client(daemon_->socket());
        const Deadline deadline = boot_deadline();
        while (connected(client) < machines) {
            if (deadline.passed()) throw std::runtime_error("not all machines are connected");
            std::this_thread::sleep_for(std::chrono::milliseconds(20));
        }
    }

    double memory() {  // MiB
        return static_cast<double>(status_of(daemon_->process().pid(), "VmRSS")) / 1024;
    }

    struct Turn {
        double per_second = 0;  // attaches, each with its detach
        double cpu = 0;         // us of the daemon for both
        Samples attach;         // ms
    };

    /// All clients at once; each has machines of its own.
    Turn turn() {
        Turn result;
        std::mutex mutex;
        std::atomic<std::size_t> next{0};
        const pid_t pid = daemon_->process().pid();
        const double cpu = cpu_of(pid);
        const auto begin = std::chrono::steady_clock::now();
        std::vector<std::thread> threads;
        for (std::size_t i = 0; i < clients; ++i) {
            threads.emplace_back([&] {
                VarlinkClient client(daemon_->socket());
                Samples samples;
                for (std::size_t cycle = 0; (cycle = next++) < cycles;) {
                    const std::string vm = "fake" + std::to_string(cycle % machines);
                    samples.measure([&] { attach(client, vm); });
                    success(client.call("io.ivshmemd.Hotplug.Detach", {{"vm", vm}, {"name", "x"}},
                                        boot_deadline()));
                }
                const std::lock_guard lock(mutex);
                result.attach.add(samples);
            });
        }
        for (std::thread& thread : threads) thread.join();
        const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
        result.per_second = cycles / took.count();
        result.cpu = (cpu_of(pid) - cpu) * 1000 / cycles;
        return result;
    }

  private:
    static std::size_t connected(VarlinkClient& client) {
        const json reply = client.call("io.ivshmemd.Hotplug.ListVms", json::object());
        std::size_t count = 0;
        for (const json& vm : reply["parameters"]["vms"]) count += vm["state"] == "connected";
        return count;
    }
    static void attach(VarlinkClient& client, const std::string& vm) {
        success(
            client.call("io.ivshmemd.Hotplug.Attach",
                        {{"vm", vm}, {"name", "x"}, {"region", "shared"}, {"size", region_size}},
                        boot_deadline()));
    }

    TempDir directory_;
    TempDir regions_ = TempDir::shared_memory();
    std::deque<Child> fakes_;
    std::optional<DaemonProcess> daemon_;
};

}  // namespace

void measure_scale(Report& report) {
    raise_file_limit();  // of the machines too
    Herd ours("");
    const char* other = std::getenv("IVSHMEMD_BENCH_AGAINST");
    std::optional<Herd> against;
    if (other) against.emplace(other);
    report.goal("resident memory with 1,000 VMs", ours.memory(), 20, "MiB");
    Samples rate, cpu, attach, other_rate, other_cpu;
    for (int i = 0; i < turns; ++i) {
        const Herd::Turn turn = ours.turn();
        rate.add(turn.per_second);
        cpu.add(turn.cpu);
        attach.add(turn.attach);
        if (!against) continue;
        const Herd::Turn beside = against->turn();
        other_rate.add(beside.per_second);
        other_cpu.add(beside.cpu);
    }
    report.line("attach + detach, 64 clients, a second", rate, "");
    report.line("the daemon's CPU for both", cpu, "us");
    report.goal("99th percentile of an attach", attach.percentile(99), 20, "ms");
    if (!against) return;
    report.line("the other build: a second", other_rate, "");
    report.line("its CPU for both", other_cpu, "us");
    report.goal("CPU / that of the other build", cpu.median() / other_cpu.median(), 0.25, "times");
}

}  // namespace ivshmemd::bench
