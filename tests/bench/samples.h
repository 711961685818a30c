#pragma once

#include <sys/types.h>

#include <cstddef>
#include <functional>
#include <vector>

namespace ivshmemd::bench {

/// Values of one thing; measure() adds times, in ms.
class Samples {
  public:
    /// Runs and times it.
    void measure(const std::function<void()>& run);
    void add(double value) { values_.push_back(value); }
    void add(const Samples& more);
    double median() const { return percentile(50); }
    /// By the nearest rank.
    double percentile(double percent) const;
    double least() const { return percentile(0); }
    double most() const { return percentile(100); }
    std::size_t size() const { return values_.size(); }
    bool empty() const { return values_.empty(); }

    /// What each of these takes more than the one of the other at the same place.
    Samples less(const Samples& other) const;

  private:
    std::vector<double> values_;
};

/// What an operation takes: its time, and the CPU time of this process, of its children that have
/// ended, and of others that do the work.
class Cost {
  public:
    explicit Cost(std::vector<pid_t> others = {}) : others_(std::move(others)) {}

    void measure(const std::function<void()>& run);

    const Samples& wall() const { return wall_; }  // ms
    const Samples& cpu() const { return cpu_; }    // ms
    /// As Samples::less.
    Cost less(const Cost& other) const;

  private:
    std::vector<pid_t> others_;
    Samples wall_;
    Samples cpu_;
};

}  // namespace ivshmemd::bench
