#include "tests/bench/samples.h"

#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <ctime>
#include <stdexcept>

#include "tests/bench/running.h"

namespace ivshmemd::bench {
namespace {

double cpu_of_this() {
    timespec used{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    rusage children{};
    ::getrusage(RUSAGE_CHILDREN, &children);
    const auto ms = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_usec) / 1e3;
    };
    return static_cast<double>(used.tv_sec) * 1e3 + static_cast<double>(used.tv_nsec) / 1e6 +
           ms(children.ru_utime) + ms(children.ru_stime);
}

}  // namespace

void Samples::measure(const std::function<void()>& run) {
    const auto begin = std::chrono::steady_clock::now();
    run();
    const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - begin;
    add(took.count());
}

void Samples::add(const Samples& more) {
    values_.insert(values_.end(), more.values_.begin(), more.values_.end());
}

double Samples::percentile(double percent) const {
    if (values_.empty()) throw std::logic_error("nothing was measured");
    std::vector<double> sorted = values_;
    std::sort(sorted.begin(), sorted.end());
    const double rank = std::ceil(percent / 100 * static_cast<double>(sorted.size()));
    return sorted[static_cast<std::size_t>(std::max(rank, 1.0)) - 1];
}

Samples Samples::less(const Samples& other) const {
    Samples rest;
    for (std::size_t i = 0; i < std::min(size(), other.size()); ++i) {
        rest.add(values_[i] - other.values_[i]);
    }
    return rest;
}

void Cost::measure(const std::function<void()>& run) {
    // Reading those of others costs this process some: it is outside.
    double others = 0;
    for (const pid_t pid : others_) others -= cpu_of(pid);
    const double before = cpu_of_this();
    wall_.measure(run);
    const double after = cpu_of_this();
    for (const pid_t pid : others_) others += cpu_of(pid);
    cpu_.add(after - before + others);
}

Cost Cost::less(const Cost& other) const {
    Cost rest;
    rest.wall_ = wall_.less(other.wall_);
    rest.cpu_ = cpu_.less(other.cpu_);
    return rest;
}

}  // namespace ivshmemd::bench
