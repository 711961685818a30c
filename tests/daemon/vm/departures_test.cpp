#include "daemon/vm/departures.h"

#include <gtest/gtest.h>

namespace ivshmemd::test {
namespace {

using namespace std::chrono_literals;
using Phase = Departure::Phase;
using What = Departures::Next::What;
using Time = Departures::Time;

const std::string device_path = "/machine/peripheral/ivshmemd.x";
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
        departures_.want(device_path, false, at(when));
        departures_.asking(device_path);
        departures_.answered(device_path, at(when));
    }
    void read(const std::set<std::string>& there, const std::vector<std::string>& missing,
              std::chrono::milliseconds when) {
        departures_.reconcile(there, missing, at(when));
    }
    What what(std::chrono::milliseconds when, bool may_ask = true) const {
        return departures_.next(at(when), may_ask).what;
    }
    std::optional<Phase> phase() const {
        const Departure* departure = departures_.find(device_path);
        if (!departure) return std::nullopt;
        return departure->phase;
    }

    Deadlines deadlines_;
    Departures departures_{deadlines_};
};

TEST_F(DeparturesTest, AreNoneToBeginWith) {
    EXPECT_EQ(what(0s), What::nothing);
    EXPECT_EQ(departures_.next(at(0s), true).until, Time::max());
    EXPECT_FALSE(departures_.leaving(device_path));
}

TEST_F(DeparturesTest, AreAskedForByTheFirstWhoWantsThemAndByNobodyElse) {
    EXPECT_TRUE(departures_.want(device_path, false, at(0s)));
    EXPECT_FALSE(departures_.want(device_path, false, at(1s)));
    const std::uint64_t number = departures_.find(device_path)->number;
    departures_.refuse(device_path, "no");
    EXPECT_TRUE(departures_.want(device_path, false, at(2s)));
    EXPECT_EQ(departures_.find(device_path)->number, number) << "who waited for it goes on waiting";
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
        departures_.asking(device_path);
        departures_.answered(device_path, at(now));
    }
    EXPECT_EQ(intervals, (std::vector<int>{5, 5, 5, 5, 5, 5, 10, 20, 40, 60, 60, 60, 60, 60}));
    departures_.want(device_path, false, at(now));  // somebody waits again
    EXPECT_EQ(what(now + 5s), What::ask);
}

TEST_F(DeparturesTest, AreAskedForMoreSlowlyWhereARequestTakesTheLastOneBack) {
    departures_.want(device_path, false, at(0s));
    departures_.set_pace(device_path, 3, at(0s));
    EXPECT_EQ(what(14999ms), What::nothing);
    EXPECT_EQ(what(15s), What::ask);
    departures_.asking(device_path);
    departures_.answered(device_path, at(15s));
    departures_.want(device_path, false, at(16s));  // somebody joins
    EXPECT_EQ(what(29999ms), What::nothing);
    EXPECT_EQ(what(30s), What::ask);
}

TEST_F(DeparturesTest, AreNotAskedForWhereThatIsOfNoUse) {
    ask(0s);
    EXPECT_EQ(what(10s, false), What::nothing) << "the VM does not run";
    EXPECT_EQ(what(10s), What::ask);
    departures_.asking(device_path);
    EXPECT_EQ(what(20s), What::nothing) << "a request is on its way";
    departures_.answered(device_path, at(20s));
    departures_.refuse(device_path, "no");
    EXPECT_EQ(what(60s), What::nothing);
}

TEST_F(DeparturesTest, AreAskedForSoonAfterAReset) {
    ask(0s);
    for (int i = 0; i < 12; ++i) {
        departures_.asking(device_path);
        departures_.answered(device_path, at(100s));
    }
    EXPECT_EQ(what(110s), What::nothing);
    departures_.start_over(at(110s));
    EXPECT_EQ(what(115s), What::ask);
}

TEST_F(DeparturesTest, AreLookedAfterWhenTheEventDoesNotCome) {
    ask(0s);
    read({}, {device_path}, 10s);
    EXPECT_EQ(what(11s), What::nothing);
    read({}, {device_path}, 11s);  // patience began with the first reading
    EXPECT_EQ(what(12s), What::look);
    departures_.look_again(device_path, at(12s));
    EXPECT_EQ(what(13s), What::nothing);
    EXPECT_TRUE(departures_.clear(device_path));
    EXPECT_EQ(what(60s), What::nothing);
}

TEST_F(DeparturesTest, AreClearedAwayOnce) {
    ask(0s);
    EXPECT_TRUE(departures_.clear(device_path));
    EXPECT_TRUE(departures_.clearing());
    EXPECT_FALSE(departures_.clear(device_path)) << "by event and by patience at the same time";
    departures_.gone(device_path);
    EXPECT_FALSE(departures_.clearing());
    EXPECT_EQ(phase(), std::nullopt);
}

TEST_F(DeparturesTest, AreToldApartFromLaterOnesOfTheSamePath) {
    ask(0s);
    const std::uint64_t first = departures_.find(device_path)->number;
    departures_.gone(device_path);
    ask(1s);
    EXPECT_NE(departures_.find(device_path)->number, first);
}

TEST_F(DeparturesTest, TakeTheRegionAlongIfAnybodyWantsThat) {
    departures_.want(device_path, false, at(0s));
    departures_.want(device_path, true, at(1s));
    departures_.want(device_path, false, at(2s));
    EXPECT_TRUE(departures_.find(device_path)->remove_region);
}

TEST_F(DeparturesTest, DoNotConcernEachOther) {
    ask(0s);
    departures_.want(other, false, at(3s));
    departures_.asking(other);
    departures_.answered(other, at(3s));
    EXPECT_EQ(departures_.next(at(1s), true).until, at(5s));
    EXPECT_TRUE(departures_.clear(device_path));
    EXPECT_EQ(departures_.next(at(6s), true).until, at(8s));
    EXPECT_EQ(departures_.next(at(8s), true).path, other);
}

}  // namespace
}  // namespace ivshmemd::test
