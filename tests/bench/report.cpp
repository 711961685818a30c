#include "tests/bench/report.h"

#include <cstdio>
#include <nlohmann/json.hpp>

namespace ivshmemd::bench {
namespace {

using nlohmann::json;

constexpr double tail = 99;  // percent

json spell(const Side& side) {
    json spelled{{"p50", side.wall.median()},
                 {"min", side.wall.least()},
                 {"p99", side.wall.percentile(tail)},
                 {"n", side.wall.size()}};
    if (!side.cpu.empty()) spelled["cpu"] = side.cpu.median();
    return spelled;
}

double judged_value(const Row& row, Judged judged) {
    switch (judged) {
        case Judged::ratio:
            return row.ours.wall.median() / row.beside.wall.median();
        case Judged::ratio_p99:
            return row.ours.wall.percentile(tail) / row.beside.wall.percentile(tail);
        case Judged::median:
            return row.ours.wall.median();
        case Judged::p99:
            return row.ours.wall.percentile(tail);
    }
    return 0;
}

bool is_ratio(Judged judged) {
    return judged == Judged::ratio || judged == Judged::ratio_p99;
}

const char* spell(Judged judged) {
    switch (judged) {
        case Judged::ratio:
            return "ratio";
        case Judged::ratio_p99:
            return "ratio of p99";
        case Judged::median:
            return "p50";
        case Judged::p99:
            return "p99";
    }
    return "";
}

json spell_goal(const Goal& goal, double value) {
    return {{"of", spell(goal.judged)},
            {goal.at_least ? "least" : "most", goal.limit},
            {"met", goal.at_least ? value >= goal.limit : value <= goal.limit}};
}

// One line, for those who wait; the table comes at the end.
void say(const json& row) {
    std::printf("%s: %.2f %s", row["name"].get_ref<const std::string&>().c_str(),
                row["ours"]["p50"].get<double>(),
                row["unit"].get_ref<const std::string&>().c_str());
    if (row.contains("ratio")) {
        std::printf(", %.2f of %s", row["ratio"].get<double>(),
                    row["reference"]["name"].get_ref<const std::string&>().c_str());
    }
    if (row.contains("goal")) std::printf(": %s", row["goal"]["met"] ? "reached" : "MISSED");
    std::printf("\n");
}

}  // namespace

Report::Report() : rows_(std::make_unique<json>(json::array())) {}
Report::~Report() = default;

void Report::add(const Row& row) {
    json spelled{
        {"part", part_}, {"name", row.name}, {"unit", row.unit}, {"ours", spell(row.ours)}};
    const bool has_reference = !row.reference.empty();
    if (has_reference) {
        spelled["reference"] = spell(row.beside);
        spelled["reference"]["name"] = row.reference;
        const bool of_tail = row.goal && row.goal->judged == Judged::ratio_p99;
        spelled["ratio"] = judged_value(row, of_tail ? Judged::ratio_p99 : Judged::ratio);
    }
    if (row.goal && (has_reference || !is_ratio(row.goal->judged))) {
        spelled["goal"] = spell_goal(*row.goal, judged_value(row, row.goal->judged));
        reached_ = reached_ && spelled["goal"]["met"].get<bool>();
    }
    say(spelled);
    rows_->push_back(std::move(spelled));
}

void Report::add_figure(const std::string& name, double value, double limit,
                        const std::string& unit) {
    Samples only;
    only.add(value);
    add({.name = name, .unit = unit, .ours = only, .goal = Goal{Judged::median, limit}});
}

void Report::fail(const std::string& why) {
    failed_.push_back(part_ + ": " + why);
    std::fprintf(stderr, "%s\n", failed_.back().c_str());
}

const json& Report::rows() const {
    return *rows_;
}

}  // namespace ivshmemd::bench
