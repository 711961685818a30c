#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <vector>

namespace ivshmemd::bench {

/// Values of one thing; measure() adds times, in ms.
class Samples {
  public:
    /// Runs and times it.
    void measure(const std::function<void()>& run);
    void add(double value) { values_.push_back(value); }
    void add(const Samples& more);
    double median() const;
    double percentile(double percent) const;
    double least() const;
    double most() const;
    std::size_t size() const { return values_.size(); }

  private:
    std::vector<double> values_;
};

/// Prints what was measured, and remembers whether every goal was reached.
class Report {
  public:
    /// One line with minimum, median and maximum.
    void line(const std::string& what, const Samples& samples, const std::string& unit = "ms");
    /// A figure that should be at most `goal`.
    void goal(const std::string& what, double value, double goal, const std::string& unit);
    bool reached() const { return reached_; }

  private:
    bool reached_ = true;
};

}  // namespace ivshmemd::bench
