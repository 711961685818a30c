#include <cstdio>
#include <string>

#include "tests/bench/bench.h"
#include "tests/bench/fake_machines.h"
#include "tests/bench/hostile.h"

// Whole numbers mean little on a busy host: the goals are ratios of what was measured in one run,
// or figures that do not depend on its speed. With a word only that part is measured: process,
// hotplug, transactions, doorbells, calm or scale.
int main(int argc, char** argv) {
    if (argc == 3 && argv[1] == std::string("--call-without-end")) {
        ivshmemd::bench::call_without_end(argv[2]);
    }
    if (argc > 2 && argv[1] == std::string("--fake-machines")) {
        ivshmemd::bench::FakeMachines({argv + 2, argv + argc}).serve();
    }
    std::setvbuf(stdout, nullptr, _IOLBF, 0);
    ivshmemd::bench::Report report;
    std::printf("%-44s %8s %8s %8s\n", "", "min", "median", "max");
    const std::string only = argc == 2 ? argv[1] : "";
    if (only.empty() || only == "process") ivshmemd::bench::measure_process(report);
    if (only.empty() || only == "hotplug") ivshmemd::bench::measure_hotplug(report);
    if (only.empty() || only == "transactions") ivshmemd::bench::measure_transactions(report);
    if (only.empty() || only == "doorbells") ivshmemd::bench::measure_doorbells(report);
    if (only.empty() || only == "calm") ivshmemd::bench::measure_calm(report);
    if (only.empty() || only == "scale") ivshmemd::bench::measure_scale(report);
    return report.reached() ? 0 : 1;
}
