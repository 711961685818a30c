#include <sys/resource.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>

#include "tests/bench/bench.h"
#include "tests/bench/fake_machines.h"
#include "tests/bench/hostile.h"
#include "tests/bench/results.h"

// Whole numbers mean little on a busy host: the goals are ratios of what was measured in one run,
// or figures that do not depend on its speed.

namespace ivshmemd::bench {
namespace {

struct Part {
    const char* name;
    void (*measure)(Report&, const Options&);
};
constexpr Part parts[] = {{"process", measure_process},
                          {"hotplug", measure_hotplug},
                          {"first", measure_first},
                          {"large", measure_large},
                          {"transactions", measure_transactions},
                          {"shared", measure_shared},
                          {"doorbells", measure_doorbells},
                          {"joins", measure_joins},
                          {"calm", measure_calm},
                          {"scale", measure_scale}};

constexpr const char* usage =
    "usage: ivshmemd-bench [--at-length] [--json FILE] [PART...]\n"
    "Measures these parts, or all: process hotplug first large transactions shared\n"
    "doorbells joins calm scale.\n"
    "IVSHMEMD_BENCH_AGAINST names another ivshmemd to measure in turns.\n";

struct Arguments {
    Options options;
    std::string json;
    std::vector<std::string> only;
};

bool is_part(const std::string& name) {
    return std::any_of(std::begin(parts), std::end(parts),
                       [&](const Part& part) { return part.name == name; });
}

Arguments read_arguments(const std::vector<std::string>& words) {
    Arguments arguments;
    if (const char* other = std::getenv("IVSHMEMD_BENCH_AGAINST"))
        arguments.options.against = other;
    for (std::size_t i = 0; i < words.size(); ++i) {
        if (words[i] == "--at-length") {
            arguments.options.at_length = true;
        } else if (words[i] == "--json" && i + 1 < words.size()) {
            arguments.json = words[++i];
        } else if (is_part(words[i])) {
            arguments.only.push_back(words[i]);
        } else {
            std::fputs(usage, stderr);
            std::exit(2);
        }
    }
    return arguments;
}

// A thousand machines and peers are many descriptors, for this program and those that it starts.
void raise_file_limit() {
    rlimit files{};
    ::getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &files);
}

int measure(const Arguments& arguments) {
    raise_file_limit();
    Report report;
    for (const Part& part : parts) {
        const auto& only = arguments.only;
        if (!only.empty() && std::find(only.begin(), only.end(), part.name) == only.end()) continue;
        std::printf("-- %s\n", part.name);
        report.begin_part(part.name);
        try {
            part.measure(report, arguments.options);
        } catch (const std::exception& error) {  // the other parts are worth having
            report.fail(error.what());
        }
    }
    if (!arguments.json.empty()) write_results(arguments.json, report);
    return report.good() ? 0 : 1;
}

}  // namespace
}  // namespace ivshmemd::bench

int main(int argc, char** argv) {
    const std::vector<std::string> words(argv + 1, argv + argc);
    if (words.size() == 2 && words[0] == "--call-without-end") {
        ivshmemd::bench::call_without_end(words[1]);
    }
    if (words.size() > 1 && words[0] == "--fake-machines") {
        ivshmemd::bench::FakeMachines({argv + 2, argv + argc}).serve();
    }
    std::setvbuf(stdout, nullptr, _IOLBF, 0);
    return ivshmemd::bench::measure(ivshmemd::bench::read_arguments(words));
}
