#pragma once

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "tests/bench/samples.h"

namespace ivshmemd::bench {

/// What a figure is held against.
enum class Judged {
    ratio,      // of the medians: here / reference
    ratio_p99,  // of the 99th percentiles
    median,
    p99,
};

struct Goal {
    Judged judged = Judged::ratio;
    double limit = 0;
    bool at_least = false;  // otherwise at most
};

/// What was measured of one program.
struct Side {
    Side() = default;
    Side(Samples values) : wall(std::move(values)) {}               // NOLINT: meant to convert
    Side(const Cost& cost) : wall(cost.wall()), cpu(cost.cpu()) {}  // NOLINT: meant to convert

    Samples wall;  // or whatever the row's unit says
    Samples cpu;   // ms of an operation; may be empty
};

/// One figure, and the same of what it is to be seen beside, measured in the same run.
struct Row {
    std::string name;
    std::string unit = "ms";
    Side ours;
    std::string reference{};  // its name; empty: there is none
    Side beside{};
    std::optional<Goal> goal{};
};

/// Says each figure when it is known, and keeps all of them.
class Report {
  public:
    /// To which part those that follow belong.
    void begin_part(std::string name) { part_ = std::move(name); }
    void add(const Row& row);
    /// A single figure that should be at most `limit`.
    void add_figure(const std::string& name, double value, double limit, const std::string& unit);
    /// The part that was begun ended early.
    void fail(const std::string& why);
    /// Whether all parts came to their ends, and all goals were met.
    bool good() const { return reached_ && failed_.empty(); }
    const std::vector<std::string>& failed() const { return failed_; }
    /// Those of all rows, as tests/bench/table.py reads them.
    const nlohmann::json& rows() const;

    Report();
    ~Report();
    Report(const Report&) = delete;
    Report& operator=(const Report&) = delete;

  private:
    std::string part_;
    std::unique_ptr<nlohmann::json> rows_;
    std::vector<std::string> failed_;
    bool reached_ = true;
};

}  // namespace ivshmemd::bench
