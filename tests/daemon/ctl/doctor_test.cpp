#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/daemon/ctl/captured.h"

namespace ivshmemd::ctl::test {
namespace {

using ::testing::HasSubstr;

Outcome doctor(const char* reply, const std::vector<std::string>& arguments = {"doctor"}) {
    Recorder recorder;
    recorder.answer = reply_of(reply);
    return run_with(arguments, recorder.caller());
}

TEST(CtlDoctor, SaysSoWhenNothingIsWrong) {
    const Outcome outcome = doctor(R"({"findings": []})");
    EXPECT_EQ(outcome.code, 0);
    EXPECT_EQ(outcome.out, "Nothing is wrong.\n");
}

TEST(CtlDoctor, ExitsWithOneWhenThereIsAProblem) {
    const Outcome outcome = doctor(R"({"findings": [
        {"kind": "regionMode", "severity": "problem", "region": "r", "text": "t", "mend": "m"},
        {"kind": "regionUnused", "severity": "note", "region": "s", "text": "t", "mend": "m"}]})");
    EXPECT_EQ(outcome.code, 1);
    EXPECT_EQ(outcome.out,
              "problem: region r: t\n  mend: m\nnote: region s: t\n  mend: m\n"
              "1 problem, 0 warnings, 1 note.\n");
}

TEST(CtlDoctor, ExitsWithZeroInSpiteOfWarningsAndNotes) {
    const Outcome outcome = doctor(R"({"findings": [
        {"kind": "neverMapped", "severity": "warning", "vm": "web", "device": "d", "text": "t",
         "mend": "m"},
        {"kind": "fewFreeSlots", "severity": "note", "vm": "web", "text": "t", "mend": "m"}]})");
    EXPECT_EQ(outcome.code, 0);
    EXPECT_EQ(outcome.out,
              "warning: web/d: t\n  mend: m\nnote: web: t\n  mend: m\n"
              "0 problems, 1 warning, 1 note.\n");
}

TEST(CtlDoctor, PrintsTheReplyAsJsonWithTheSameExitCode) {
    const char* reply = R"({"findings":[{"severity":"problem"}]})";
    const Outcome outcome = doctor(reply, {"doctor", "--json"});
    EXPECT_EQ(outcome.code, 1);
    EXPECT_EQ(outcome.out, std::string(reply) + "\n");
}

TEST(CtlDoctor, ShowsNothingThatSteersATerminal) {
    const Outcome outcome = doctor(R"({"findings": [{"severity": "note", "vm": "web",
        "device": "x\u001b[2J", "text": "a\nb", "mend": "c\u202e"}]})");
    EXPECT_THAT(outcome.out, HasSubstr("web/x\\x1b[2J: a\\nb\n  mend: c\\u202e\n"));
}

TEST(CtlDoctor, SurvivesRepliesOfAnotherShape) {
    EXPECT_EQ(doctor("{}").out, "Nothing is wrong.\n");
    EXPECT_EQ(doctor(R"({"findings": [7, {"severity": "odd"}]})").code, 0);
}

}  // namespace
}  // namespace ivshmemd::ctl::test
