#include "tests/bench/report.h"

#include <algorithm>
#include <cstdio>

namespace ivshmemd::bench {

void Samples::measure(const std::function<void()>& run) {
    const auto begin = std::chrono::steady_clock::now();
    run();
    const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - begin;
    add(took.count());
}

void Samples::add(const Samples& more) {
    values_.insert(values_.end(), more.values_.begin(), more.values_.end());
}

double Samples::median() const {
    std::vector<double> sorted = values_;
    const auto middle = sorted.begin() + static_cast<std::ptrdiff_t>(sorted.size() / 2);
    std::nth_element(sorted.begin(), middle, sorted.end());
    return *middle;
}

double Samples::percentile(double percent) const {
    std::vector<double> sorted = values_;
    std::sort(sorted.begin(), sorted.end());
    const double rank = percent / 100 * static_cast<double>(sorted.size() - 1);
    return sorted[static_cast<std::size_t>(rank)];
}

double Samples::least() const {
    return *std::min_element(values_.begin(), values_.end());
}

double Samples::most() const {
    return *std::max_element(values_.begin(), values_.end());
}

void Report::line(const std::string& what, const Samples& samples, const std::string& unit) {
    std::printf("%-44s %8.2f %8.2f %8.2f %-2s  (%zu)\n", what.c_str(), samples.least(),
                samples.median(), samples.most(), unit.c_str(), samples.size());
}

void Report::goal(const std::string& what, double value, double goal, const std::string& unit) {
    const bool good = value <= goal;
    reached_ = reached_ && good;
    std::printf("%-44s %8.2f %s, at most %.2f: %s\n", what.c_str(), value, unit.c_str(), goal,
                good ? "reached" : "MISSED");
}

}  // namespace ivshmemd::bench
