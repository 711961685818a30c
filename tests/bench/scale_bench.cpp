#include <atomic>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <thread>

#include "tests/bench/bench.h"
#include "tests/bench/fake_herd.h"
#include "tests/bench/running.h"

namespace ivshmemd::bench {
namespace {

using namespace test;

constexpr std::size_t herd_size = 1000;
constexpr std::size_t herd_clients = 64;
constexpr int turns = 4;                   // of each program
constexpr std::size_t cycles = 4000;       // attaches and detaches in a turn
constexpr std::size_t cycles_alone = 500;  // by one client

/// What one program made of its turns.
struct Figures {
    Samples memory;      // MiB
    Samples per_second;  // attaches, each with its detach
    Samples cpu;         // us of the daemon for both
    Samples cpu_alone;   // the same, for one client
    Samples attach;      // ms
};

/// All clients at once; each has machines of its own.
void take_turn(FakeHerd& herd, Figures& figures) {
    std::mutex mutex;
    std::atomic<std::size_t> next{0};
    const double cpu = cpu_of(herd.daemon());
    const auto begin = std::chrono::steady_clock::now();
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < herd_clients; ++i) {
        threads.emplace_back([&] {
            VarlinkClient client(herd.socket());
            Samples samples;
            for (std::size_t cycle = 0; (cycle = next++) < cycles;) {
                const std::string vm = FakeHerd::name_of(cycle % herd_size);
                samples.measure([&] { FakeHerd::attach(client, vm); });
                FakeHerd::detach(client, vm);
            }
            const std::lock_guard lock(mutex);
            figures.attach.add(samples);
        });
    }
    for (std::thread& thread : threads) thread.join();
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    figures.per_second.add(cycles / took.count());
    figures.cpu.add((cpu_of(herd.daemon()) - cpu) * 1000 / cycles);
}

/// One client, so that nothing is shared between operations.
void take_turn_alone(FakeHerd& herd, Figures& figures) {
    VarlinkClient client(herd.socket());
    for (std::size_t cycle = 0; cycle < cycles_alone; ++cycle) {
        const std::string vm = FakeHerd::name_of(cycle % herd_size);
        const double before = cpu_of(herd.daemon());
        FakeHerd::attach(client, vm);
        FakeHerd::detach(client, vm);
        figures.cpu_alone.add((cpu_of(herd.daemon()) - before) * 1000);
    }
}

struct Scale {
    FakeHerd ours{herd_size};
    std::optional<FakeHerd> other{};
    Figures figures{}, other_figures{};

    void add(Report& report, Row row, Samples Figures::*which) const {
        row.ours = figures.*which;
        if (other) row.reference = "the other build";
        if (other) row.beside = other_figures.*which;
        report.add(row);
    }
};

void run_turns(Scale& scale) {
    scale.figures.memory.add(mebibytes_of(scale.ours.daemon(), "VmRSS"));
    if (scale.other) {
        scale.other_figures.memory.add(mebibytes_of(scale.other->daemon(), "VmRSS"));
    }
    for (int i = 0; i < turns; ++i) {
        take_turn(scale.ours, scale.figures);
        if (scale.other) take_turn(*scale.other, scale.other_figures);
    }
    take_turn_alone(scale.ours, scale.figures);
    if (scale.other) take_turn_alone(*scale.other, scale.other_figures);
}

}  // namespace

void measure_scale(Report& report, const Options& options) {
    Scale scale;
    if (!options.against.empty()) scale.other.emplace(herd_size, options.against);
    run_turns(scale);
    scale.add(report,
              {.name = "resident memory, 1,000 VMs",
               .unit = "MiB",
               .ours = {},
               .goal = Goal{Judged::median, 20}},
              &Figures::memory);
    scale.add(report,
              {.name = "attach + detach a second, 1,000 fake VMs, 64 clients",
               .unit = "/s",
               .ours = {},
               .goal = Goal{Judged::ratio, 4, true}},
              &Figures::per_second);
    scale.add(report,
              {.name = "attach among 64 clients", .ours = {}, .goal = Goal{Judged::p99, 20}},
              &Figures::attach);
    scale.add(report,
              {.name = "daemon's CPU, attach + detach, 64 clients",
               .unit = "us",
               .ours = {},
               .goal = Goal{Judged::ratio, 0.25}},
              &Figures::cpu);
    scale.add(report,
              {.name = "daemon's CPU, attach + detach, one client",
               .unit = "us",
               .ours = {},
               .goal = Goal{Judged::ratio, 0.25}},
              &Figures::cpu_alone);
    scale.other.reset();
    scale.ours.read_notifications();
    std::this_thread::sleep_for(settle_time);
    report.add_figure("wake-ups in 5 s of idleness, 1,000 VMs", wake_ups_of(scale.ours.daemon()), 0,
                      "");
}

}  // namespace ivshmemd::bench
