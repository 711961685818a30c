#include "daemon/vm/departures.h"

#include <gtest/gtest.h>

#include <functional>

namespace ivshmemd::test {
namespace {

using namespace std::chrono_literals;
using Phase = Departure::Phase;
using What = Departures::Next::What;
using Time = Departures::Time;

const std::string path = "/machine/peripheral/ivshmemd.x";
const std::string other = "/machine/peripheral/ivshmemd.y";

class DeparturesTest : public ::testing::Test {
  protected:
    DeparturesTest() {
        deadlines_.unplug_again = 5s;
        deadlines_.departed = 2s;
    }

    Time at(std::chrono::milliseconds since_start) const { return Time(since_start + 1h); }
    /// A Detach asks, and QEMU takes it.
    void ask(std::chrono::milliseconds when) {
        departures_.want(path, false, at(when));
        departures_.asking(path);
        departures_.answered(path, at(when));
    }
    void read(const std::set<std::string>& there, const std::vector<std::string>& missing,
              std::chrono::milliseconds when) {
        departures_.reconcile(there, missing, at(when));
    }
    What what(std::chrono::milliseconds when, bool may_ask = true) const {
        return departures_.next(at(when), may_ask).what;
    }
    std::optional<Phase> phase() const {
        const Departure* departure = departures_.find(path);
        if (!departure) return std::nullopt;
        return departure->phase;
    }

    Deadlines deadlines_;
    Departures departures_{deadlines_};
};

TEST_F(DeparturesTest, AreNoneToBeginWith) {
    EXPECT_EQ(what(0s), What::nothing);
    EXPECT_EQ(departures_.next(at(0s), true).until, Time::max());
    EXPECT_FALSE(departures_.leaving(path));
}

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

TEST_F(DeparturesTest, AreAskedForByTheFirstWhoWantsThemAndByNobodyElse) {
    EXPECT_TRUE(departures_.want(path, false, at(0s)));
    EXPECT_FALSE(departures_.want(path, false, at(1s)));
    const std::uint64_t number = departures_.find(path)->number;
    departures_.refuse(path, "no");
    EXPECT_TRUE(departures_.want(path, false, at(2s)));
    EXPECT_EQ(departures_.find(path)->number, number) << "who waited for it goes on waiting";
}

TEST_F(DeparturesTest, AreAskedForAgainAfterTheIntervalAndMoreSlowlyWithTime) {
    ask(0s);
    EXPECT_EQ(what(4999ms), What::nothing);
    EXPECT_EQ(departures_.next(at(1s), true).until, at(5s));
    auto now = 0s;
    std::vector<int> intervals;
    for (int i = 0; i < 14; ++i) {
        auto wait = 0s;
        while (what(now + wait) != What::ask && wait < 100s) ++wait;
        intervals.push_back(static_cast<int>(wait.count()));
        now += wait;
        departures_.asking(path);
        departures_.answered(path, at(now));
    }
    EXPECT_EQ(intervals, (std::vector<int>{5, 5, 5, 5, 5, 5, 10, 20, 40, 60, 60, 60, 60, 60}));
    departures_.want(path, false, at(now));  // somebody waits again
    EXPECT_EQ(what(now + 5s), What::ask);
}

TEST_F(DeparturesTest, AreAskedForMoreSlowlyWhereARequestTakesTheLastOneBack) {
    departures_.want(path, false, at(0s));
    departures_.set_pace(path, 3, at(0s));
    EXPECT_EQ(what(14999ms), What::nothing);
    EXPECT_EQ(what(15s), What::ask);
    departures_.asking(path);
    departures_.answered(path, at(15s));
    departures_.want(path, false, at(16s));  // somebody joins
    EXPECT_EQ(what(29999ms), What::nothing);
    EXPECT_EQ(what(30s), What::ask);
}

TEST_F(DeparturesTest, AreNotAskedForWhereThatIsOfNoUse) {
    ask(0s);
    EXPECT_EQ(what(10s, false), What::nothing) << "the VM does not run";
    EXPECT_EQ(what(10s), What::ask);
    departures_.asking(path);
    EXPECT_EQ(what(20s), What::nothing) << "a request is on its way";
    departures_.answered(path, at(20s));
    departures_.refuse(path, "no");
    EXPECT_EQ(what(60s), What::nothing);
}

TEST_F(DeparturesTest, AreAskedForSoonAfterAReset) {
    ask(0s);
    for (int i = 0; i < 12; ++i) {
        departures_.asking(path);
        departures_.answered(path, at(100s));
    }
    EXPECT_EQ(what(110s), What::nothing);
    departures_.start_over(at(110s));
    EXPECT_EQ(what(115s), What::ask);
}

TEST_F(DeparturesTest, AreLookedAfterWhenTheEventDoesNotCome) {
    ask(0s);
    read({}, {path}, 10s);
    EXPECT_EQ(what(11s), What::nothing);
    read({}, {path}, 11s);  // patience began with the first reading
    EXPECT_EQ(what(12s), What::look);
    departures_.look_again(path, at(12s));
    EXPECT_EQ(what(13s), What::nothing);
    EXPECT_TRUE(departures_.clear(path));
    EXPECT_EQ(what(60s), What::nothing);
}

TEST_F(DeparturesTest, AreClearedAwayOnce) {
    ask(0s);
    EXPECT_TRUE(departures_.clear(path));
    EXPECT_TRUE(departures_.clearing());
    EXPECT_FALSE(departures_.clear(path)) << "by event and by patience at the same time";
    departures_.gone(path);
    EXPECT_FALSE(departures_.clearing());
    EXPECT_EQ(phase(), std::nullopt);
}

TEST_F(DeparturesTest, AreToldApartFromLaterOnesOfTheSamePath) {
    ask(0s);
    const std::uint64_t first = departures_.find(path)->number;
    departures_.gone(path);
    ask(1s);
    EXPECT_NE(departures_.find(path)->number, first);
}

TEST_F(DeparturesTest, TakeTheRegionAlongIfAnybodyWantsThat) {
    departures_.want(path, false, at(0s));
    departures_.want(path, true, at(1s));
    departures_.want(path, false, at(2s));
    EXPECT_TRUE(departures_.find(path)->remove_region);
}

TEST_F(DeparturesTest, DoNotConcernEachOther) {
    ask(0s);
    departures_.want(other, false, at(3s));
    departures_.asking(other);
    departures_.answered(other, at(3s));
    EXPECT_EQ(departures_.next(at(1s), true).until, at(5s));
    EXPECT_TRUE(departures_.clear(path));
    EXPECT_EQ(departures_.next(at(6s), true).until, at(8s));
    EXPECT_EQ(departures_.next(at(8s), true).path, other);
}

}  // namespace
}  // namespace ivshmemd::test
