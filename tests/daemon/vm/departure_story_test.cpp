#include <gtest/gtest.h>

#include <functional>

#include "daemon/vm/departures.h"

namespace ivshmemd::test {
namespace {

using namespace std::chrono_literals;
using Phase = Departure::Phase;
using Time = Departures::Time;

const std::string path = "/machine/peripheral/ivshmemd.x";

// Which events, at which seconds, lead to which phase.
struct Story {
    const char* name;
    std::function<void(Departures&, const std::function<Time(int)>&)> events;
    std::optional<Phase> phase;
    bool asked_for;
};

void PrintTo(const Story& story, std::ostream* out) {
    *out << story.name;
}

class DepartureStory : public ::testing::TestWithParam<Story> {};

TEST_P(DepartureStory, EndsInItsPhase) {
    Deadlines deadlines;
    Departures departures(deadlines);
    GetParam().events(departures,
                      [](int seconds) { return Time(1h + std::chrono::seconds(seconds)); });
    const Departure* departure = departures.find(path);
    ASSERT_EQ(departure != nullptr, GetParam().phase.has_value());
    if (!departure) return;
    EXPECT_EQ(departure->phase, *GetParam().phase);
    EXPECT_EQ(departure->asked_for, GetParam().asked_for);
}

std::string letters_of(const ::testing::TestParamInfo<Story>& story) {
    std::string name;
    for (const char letter : std::string(story.param.name)) {
        if (std::isalnum(static_cast<unsigned char>(letter))) name += letter;
    }
    return name;
}

using At = const std::function<Time(int)>&;
const std::set<std::string> nobody;
const std::set<std::string> here{path};
const std::vector<std::string> none;
const std::vector<std::string> missing{path};

INSTANTIATE_TEST_SUITE_P(
    Table, DepartureStory,
    ::testing::Values(Story{"asked", [](Departures& d, At at) { d.want(path, false, at(0)); },
                            Phase::wanted, true},
                      Story{"asked and still there",
                            [](Departures& d, At at) {
                                d.want(path, false, at(0));
                                d.reconcile(here, none, at(1));
                            },
                            Phase::wanted, true},
                      Story{"refused",
                            [](Departures& d, At at) {
                                d.want(path, false, at(0));
                                d.refuse(path, "no");
                            },
                            Phase::refused, true},
                      Story{"refused and wanted again",
                            [](Departures& d, At at) {
                                d.want(path, false, at(0));
                                d.refuse(path, "no");
                                d.want(path, false, at(1));
                            },
                            Phase::wanted, true},
                      Story{"withdrawn",
                            [](Departures& d, At at) {
                                d.want(path, false, at(0));
                                d.withdraw(path);
                            },
                            std::nullopt, false},
                      Story{"missed by a reading",
                            [](Departures& d, At at) {
                                d.want(path, false, at(0));
                                d.reconcile(nobody, missing, at(1));
                            },
                            Phase::left, true},
                      Story{"missed unasked",
                            [](Departures& d, At at) { d.reconcile(nobody, missing, at(1)); },
                            Phase::left, false},
                      Story{"missed unasked and wanted then",
                            [](Departures& d, At at) {
                                d.reconcile(nobody, missing, at(1));
                                d.want(path, true, at(2));
                            },
                            Phase::left, true},
                      Story{"missed, and another came",
                            [](Departures& d, At at) {
                                d.reconcile(nobody, missing, at(1));
                                d.reconcile(here, none, at(2));
                            },
                            std::nullopt, false},
                      Story{"wanted, missed, and there after all",
                            [](Departures& d, At at) {
                                d.want(path, false, at(0));
                                d.reconcile(nobody, missing, at(1));
                                d.reconcile(here, none, at(2));
                            },
                            Phase::wanted, true},
                      Story{"gone by its event", [](Departures& d, At) { d.clear(path); },
                            Phase::clearing, false},
                      Story{"cleared away",
                            [](Departures& d, At at) {
                                d.want(path, false, at(0));
                                d.clear(path);
                                d.gone(path);
                            },
                            std::nullopt, false},
                      Story{"cleared while readings miss it",
                            [](Departures& d, At at) {
                                d.want(path, false, at(0));
                                d.clear(path);
                                d.reconcile(nobody, missing, at(1));
                            },
                            Phase::clearing, true},
                      Story{"refused while it is cleared away",
                            [](Departures& d, At at) {
                                d.want(path, false, at(0));
                                d.clear(path);
                                d.refuse(path, "late");
                            },
                            Phase::clearing, true},
                      Story{"not among holdings any more",
                            [](Departures& d, At at) {
                                d.want(path, false, at(0));
                                d.reconcile(nobody, none, at(1));
                            },
                            std::nullopt, false},
                      Story{"of another process",
                            [](Departures& d, At at) {
                                d.want(path, false, at(0));
                                d.forget();
                            },
                            std::nullopt, false},
                      Story{"heard of, and QOM could not be asked",
                            [](Departures& d, At at) { d.heard(path, at(0)); }, Phase::left, false},
                      Story{"heard of while it is cleared away",
                            [](Departures& d, At at) {
                                d.clear(path);
                                d.heard(path, at(0));
                            },
                            Phase::clearing, false},
                      Story{"cleared away in vain",
                            [](Departures& d, At at) {
                                d.want(path, false, at(0));
                                d.clear(path);
                                d.relapse(path, d.find(path)->number, at(1));
                            },
                            Phase::left, true},
                      Story{"of a later one, cleared away while an earlier is said to have failed",
                            [](Departures& d, At at) {
                                d.clear(path);
                                d.relapse(path, d.find(path)->number + 1, at(1));
                            },
                            Phase::clearing, false},
                      Story{"reconnected",
                            [](Departures& d, At at) {
                                d.want(path, false, at(0));
                                d.start_over(at(1));
                            },
                            Phase::wanted, true}),
    letters_of);

}  // namespace
}  // namespace ivshmemd::test
