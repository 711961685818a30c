#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/daemon/ctl/captured.h"

namespace ivshmemd::ctl::test {
namespace {

using std::chrono::seconds;

TEST(CtlDetach, PrintsRemoved) {
    Recorder recorder;
    recorder.answer = reply_of(R"({"result":"removed"})");
    const Outcome outcome = run_with({"detach", "web", "shm0"}, recorder.caller());
    EXPECT_EQ(outcome.code, 0);
    EXPECT_EQ(outcome.out, "removed\n");
    EXPECT_EQ(outcome.err, "");
}

TEST(CtlDetach, SaysWhyTheRegionStays) {
    for (const bool as_json : {false, true}) {
        Recorder recorder;
        recorder.answer = reply_of(R"({"result":"removed","regionKept":"it is mapped by db/x"})");
        std::vector<std::string> arguments{"detach", "web", "shm0", "--remove-region"};
        if (as_json) arguments.emplace_back("--json=short");
        const Outcome outcome = run_with(arguments, recorder.caller());
        EXPECT_EQ(outcome.code, 0);
        EXPECT_EQ(outcome.err, "ivshmemctl: it is mapped by db/x\n");
    }
}

TEST(CtlDetach, ExitsWithSevenWhilePendingAndSaysWhatHappensNext) {
    for (const bool as_json : {false, true}) {
        Recorder recorder;
        recorder.answer = reply_of(R"({"result":"pending"})");
        std::vector<std::string> arguments{"detach", "web", "shm0"};
        if (as_json) arguments.emplace_back("--json=short");
        const Outcome outcome = run_with(arguments, recorder.caller());
        EXPECT_EQ(outcome.code, 7);
        EXPECT_EQ(outcome.out, as_json ? "{\"result\":\"pending\"}\n" : "pending\n");
        EXPECT_THAT(outcome.err, testing::HasSubstr("stays 'detaching'"));
        EXPECT_THAT(outcome.err, testing::HasSubstr("ivshmemctl list web"));
    }
}

TEST(CtlDetach, WaitsLongerThanTheDaemonDoes) {
    const std::vector<std::pair<std::vector<std::string>, seconds>> rows{
        {{"detach", "web", "shm0"}, seconds(120)},
        {{"detach", "web", "shm0", "--timeout", "600"}, seconds(690)},
        {{"detach", "web", "shm0", "--no-wait"}, seconds(90)},
    };
    for (const auto& [arguments, deadline] : rows) {
        Recorder recorder;
        run_with(arguments, recorder.caller());
        EXPECT_EQ(recorder.wait.deadline, deadline);
        EXPECT_TRUE(recorder.wait.changes_something);
    }
}

TEST(CtlDetach, SaysNothingOfAQuickDetach) {
    Recorder recorder;
    recorder.answer = reply_of(R"({"result":"removed"})");
    recorder.replies_before = {json::parse(R"({"progress":{"phase":"wait","text":"waiting"}})")};
    const Outcome outcome = run_with({"detach", "web", "shm0"}, recorder.caller());
    EXPECT_EQ(outcome.out, "removed\n");
    EXPECT_EQ(outcome.err, "");
}

}  // namespace
}  // namespace ivshmemd::ctl::test
