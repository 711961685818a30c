#include <cstdio>

#include "tests/bench/bench.h"

// Whole numbers mean little on a busy host: the goals are ratios of what was measured in one run,
// or figures that do not depend on its speed.
int main() {
    ivshmemd::bench::Report report;
    std::printf("%-44s %8s %8s %8s\n", "", "min", "median", "max");
    ivshmemd::bench::measure_process(report);
    ivshmemd::bench::measure_hotplug(report);
    ivshmemd::bench::measure_doorbells(report);
    return report.reached() ? 0 : 1;
}
