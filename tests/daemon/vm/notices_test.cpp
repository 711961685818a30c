#include "daemon/vm/notices.h"

#include <gtest/gtest.h>

#include <vector>

namespace ivshmemd::test {
namespace {

using namespace std::chrono_literals;
using Time = Notices::Time;

struct Step {
    enum class Kind { start_over, forget, hotplug, adding, asked, answered, left };
    Kind kind;
    const char* path;
    std::chrono::milliseconds when;
};

struct Case {
    const char* name;
    std::vector<Step> steps;  // after the start, before /x leaves
    std::chrono::milliseconds left;
    bool free;
};

using Kind = Step::Kind;

const Step asks{Kind::asked, "/x", 2000ms};
const Step answers{Kind::answered, "/x", 2001ms};

const Case cases[] = {
    {"AskedOnceAndPrompt", {asks, answers}, 2100ms, true},
    {"JustPrompt", {asks, answers}, 2500ms, true},
    {"Slow", {asks, answers}, 2501ms, false},
    {"NeverAsked", {}, 2100ms, false},
    {"Repeated", {asks, answers, {Kind::asked, "/x", 2050ms}}, 2100ms, false},
    {"AfterAnotherCame", {{Kind::hotplug, "", 1500ms}, asks, answers}, 2100ms, false},
    {"LongAfterAnotherCame", {{Kind::hotplug, "", 1000ms}, asks, answers}, 2100ms, true},
    {"WhileAnotherCame", {asks, answers, {Kind::hotplug, "", 2050ms}}, 2100ms, false},
    {"LongAfterAnotherCameAndAnswered",
     {{Kind::adding, "", 100ms}, {Kind::answered, "", 200ms}, asks, answers},
     2100ms,
     true},
    {"LongAfterAnotherCameAndUnanswered",
     {{Kind::adding, "", 100ms}, asks, answers},
     2100ms,
     false},
    {"SoonAfterAnotherWasAnswered",
     {{Kind::adding, "", 100ms}, {Kind::answered, "", 1500ms}, asks, answers},
     2100ms,
     false},
    {"WhileAnotherIsAskedFor", {asks, answers, {Kind::asked, "/y", 2050ms}}, 2100ms, false},
    {"WhileAnotherIsAnswered", {asks, answers, {Kind::answered, "/y", 2050ms}}, 2100ms, false},
    {"WhileAnotherLeft", {asks, answers, {Kind::left, "/y", 2050ms}}, 2100ms, false},
    {"AfterAnotherLeft", {{Kind::left, "/y", 1500ms}, asks, answers}, 2100ms, false},
    {"WhileAnotherStays", {{Kind::asked, "/y", 100ms}, asks, answers}, 2100ms, false},
    {"AnsweredLate", {asks, {Kind::answered, "/x", 2090ms}}, 2100ms, true},
    {"AfterAReset", {asks, answers, {Kind::start_over, "", 2050ms}}, 2100ms, false},
    // Whether it was asked for before, nobody knows.
    {"OverALaterConnection", {{Kind::forget, "", 500ms}, asks, answers}, 2100ms, false},
    {"SoonAfterAReset", {{Kind::start_over, "", 1500ms}, asks, answers}, 2100ms, false},
};

class NoticesTest : public ::testing::TestWithParam<Case> {
  protected:
    Time at(std::chrono::milliseconds since_start) const { return Time(since_start + 1h); }
    void take(const Step& step) {
        switch (step.kind) {
            case Kind::start_over:
                return notices_.start_over(at(step.when));
            case Kind::forget:
                return notices_.forget(at(step.when));
            case Kind::hotplug:
                return notices_.hotplug(at(step.when));
            case Kind::adding:
                return notices_.adding(at(step.when));
            case Kind::asked:
                return notices_.asked(step.path, at(step.when));
            case Kind::answered:
                return notices_.answered(step.path, at(step.when));
            case Kind::left:
                notices_.left(step.path, at(step.when));
        }
    }

    Notices notices_;
};

TEST_P(NoticesTest, TellWhetherASlotCanBeUsedAtOnce) {
    notices_.forget(at(0ms));
    notices_.added("/x");
    for (const Step& step : GetParam().steps) take(step);
    EXPECT_EQ(notices_.left("/x", at(GetParam().left)), GetParam().free);
}

INSTANTIATE_TEST_SUITE_P(Histories, NoticesTest, testing::ValuesIn(cases),
                         [](const auto& each) { return each.param.name; });

TEST(NoticesOfADevice, KnowNothingOfWhatWasBefore) {
    Notices notices;
    notices.added("/x");
    notices.asked("/x", Time(1h));
    EXPECT_FALSE(notices.left("/x", Time(1h + 100ms)));
}

TEST(NoticesOfADevice, AreForgottenWithIt) {
    Notices notices;
    notices.forget(Time(1h));
    notices.added("/x");
    notices.asked("/x", Time(2h));
    EXPECT_TRUE(notices.left("/x", Time(2h + 100ms)));
    EXPECT_FALSE(notices.left("/x", Time(2h + 200ms)));
}

}  // namespace
}  // namespace ivshmemd::test
