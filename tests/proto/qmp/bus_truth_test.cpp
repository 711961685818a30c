#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "proto/qmp/inventory_query.h"
#include "tests/proto/qmp/recorded_buses.h"

// What is said of a bus, held against what became of a device on each in real QEMUs.

namespace ivshmemd::qmp {
namespace {

using test::BusTruth;
using test::RecordedBuses;
using testing::IsEmpty;
using testing::Not;

std::string as_identifier(const testing::TestParamInfo<std::string>& row) {
    std::string name = row.param;
    std::replace(name.begin(), name.end(), '.', '_');
    return name;
}

// The rounds that were needed are counted.
int read(InventoryQuery& query, const RecordedBuses& recorded) {
    for (int rounds = 0;; ++rounds) {
        const std::vector<Question> questions = query.next();
        if (questions.empty()) return rounds;
        for (const Question& question : questions) {
            const json* reply = recorded.reply(question.command);
            const json* error = find(reply, "error");
            const std::string* error_class = as_string(find(error, "class"));
            question.answer({find(reply, "return"), error_class ? *error_class : "", ""});
        }
    }
}

/// One machine, as its recording shows it.
class Topology {
  public:
    Topology(const std::string& version, const std::string& name) : recorded_(version, name) {
        if (recorded_.refused()) return;
        InventoryQuery query({"/dev/shm"}, memo_);
        read(query, recorded_);
        EXPECT_THAT(query.fault(), IsEmpty());
        buses_ = query.result().buses;
        EXPECT_THAT(buses_, Not(IsEmpty()));
    }

    const std::vector<Bus>& buses() const { return buses_; }
    const std::vector<BusTruth>& truths() const { return recorded_.truths(); }
    const RecordedBuses& recorded() const { return recorded_; }
    QomMemo& memo() { return memo_; }

    const Bus& bus_at(const std::string& path) const {
        const auto found = std::find_if(buses_.begin(), buses_.end(),
                                        [&](const Bus& bus) { return bus.path == path; });
        if (found == buses_.end()) throw std::runtime_error("no bus at " + path);
        return *found;
    }

    // Whether a name of it brings a device there that means no other bus.
    bool can_be_reached(const std::string& path) const {
        return std::any_of(truths().begin(), truths().end(), [&](const BusTruth& each) {
            return each.path == path && each.landed == path && !is_shared(each.name);
        });
    }

    bool is_in_use(const std::string& path) const {
        return std::any_of(truths().begin(), truths().end(), [&](const BusTruth& each) {
            return each.path == path && each.in_use();
        });
    }

  private:
    bool is_shared(const std::string& name) const {
        return std::count_if(truths().begin(), truths().end(),
                             [&](const BusTruth& each) { return each.name == name; }) > 1;
    }

    RecordedBuses recorded_;
    QomMemo memo_;
    std::vector<Bus> buses_;
};

class BusesOf : public testing::TestWithParam<std::string> {
  protected:
    template <class Check>
    void for_each_topology(Check check) {
        int started = 0;
        for (const std::string& name : test::recorded_topologies(GetParam())) {
            SCOPED_TRACE(name);
            Topology topology(GetParam(), name);
            if (topology.recorded().refused()) continue;
            ++started;
            check(topology);
        }
        EXPECT_GE(started, 15);
    }
};

INSTANTIATE_TEST_SUITE_P(Recorded, BusesOf, testing::Values("5.2", "7.2", "10.0", "11.1"),
                         as_identifier);

bool is_upstream(const Bus& bus) {
    return bus.reason.find("upstream") != std::string::npos;
}

TEST_P(BusesOf, AreOfferedWhereQemuTakesADeviceAndNowhereElse) {
    for_each_topology([](const Topology& topology) {
        for (const BusTruth& truth : topology.truths()) {
            const Bus& bus = topology.bus_at(truth.path);
            if (is_upstream(bus) || topology.is_in_use(truth.path)) continue;
            // A name that another bus answers to, or none, says nothing of this one.
            if (truth.accepted && truth.landed != truth.path) continue;
            if (!truth.accepted && topology.can_be_reached(truth.path)) continue;
            if (truth.description.ends_with("not found")) continue;
            EXPECT_EQ(bus.hotpluggable, truth.accepted) << truth.path << ": " << truth.description;
        }
    });
}

TEST_P(BusesOf, AreCalledByWhatBringsADeviceThere) {
    for_each_topology([](const Topology& topology) {
        for (const Bus& bus : topology.buses()) {
            if (usable_slots(bus).empty()) continue;
            const std::vector<BusTruth>& truths = topology.truths();
            const auto tried =
                std::find_if(truths.begin(), truths.end(), [&](const BusTruth& each) {
                    return each.path == bus.path && each.name == bus.address;
                });
            ASSERT_NE(tried, truths.end()) << bus.path << " as " << bus.address;
            EXPECT_EQ(tried->landed, bus.path) << bus.address;
        }
    });
}

TEST_P(BusesOf, HaveNamesOfTheirOwn) {
    for_each_topology([](const Topology& topology) {
        std::set<std::string> names;
        for (const Bus& bus : topology.buses()) {
            EXPECT_TRUE(names.insert(bus.name).second) << bus.name;
        }
    });
}

TEST_P(BusesOf, AreAllUsableThatCanBeReachedAndHaveASlot) {
    for_each_topology([](const Topology& topology) {
        for (const Bus& bus : topology.buses()) {
            if (!topology.can_be_reached(bus.path) || is_upstream(bus)) continue;
            EXPECT_THAT(usable_slots(bus), Not(IsEmpty())) << bus.path << ": " << bus.reason;
        }
    });
}

TEST_P(BusesOf, AreReadInTwoRoundsOnceTheMachineIsKnown) {
    for_each_topology([](Topology& topology) {
        InventoryQuery again({"/dev/shm"}, topology.memo());
        EXPECT_EQ(read(again, topology.recorded()), 2);
        const std::vector<Bus> buses = again.result().buses;
        ASSERT_EQ(buses.size(), topology.buses().size());
        for (const Bus& bus : buses) {
            EXPECT_EQ(topology.bus_at(bus.path).occupied, bus.occupied) << bus.path;
        }
    });
}

}  // namespace
}  // namespace ivshmemd::qmp
