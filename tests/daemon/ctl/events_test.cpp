#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/daemon/ctl/captured.h"

namespace ivshmemd::ctl::test {
namespace {

using testing::HasSubstr;

/// A subscription that tells these things and then ends so.
Outcome watch(const std::vector<const char*>& replies, const Answer& end,
              std::vector<std::string> arguments = {"events"}) {
    Recorder recorder;
    for (const char* reply : replies) recorder.replies_before.push_back(json::parse(reply));
    recorder.answer = end;
    return run_with(arguments, recorder.caller());
}

const Answer interrupted = client_error("Interrupted", "interrupted", exit_interrupted);
constexpr const char* ready = R"({"ready":true})";
constexpr const char* lagged = R"({"kind":"lagged","time":"T","detail":"lost"})";

TEST(CtlEvents, PrintsOneLinePerEvent) {
    const Outcome outcome =
        watch({ready, R"({"kind":"attached","vm":"web","device":"shm0","time":"T"})",
               R"({"kind":"vmState","vm":"web","time":"T","detail":"a\nb"})", R"({"kind":7})"},
              interrupted);
    EXPECT_EQ(outcome.out,
              "T  attached        web/shm0\n"
              "T  vmState         web  a\\nb\n"
              "  7\n");
}

TEST(CtlEvents, EndsQuietlyWhenInterrupted) {
    for (const auto& arguments : {std::vector<std::string>{"events"}, {"events", "--json"}}) {
        const Outcome outcome = watch({}, interrupted, arguments);
        EXPECT_EQ(outcome.code, 0);
        EXPECT_EQ(outcome.out + outcome.err, "");
    }
}

TEST(CtlEvents, PrintsEveryReplyAsItIsUnderJson) {
    EXPECT_EQ(watch({ready, R"({"kind":"new"})"}, interrupted, {"events", "--json"}).out,
              "{\"ready\":true}\n{\"kind\":\"new\"}\n");
    EXPECT_EQ(watch({ready}, interrupted, {"events", "--json=pretty"}).out,
              "{\n    \"ready\": true\n}\n");
}

TEST(CtlEvents, FailsWhenEventsWereLost) {
    for (const auto& arguments : {std::vector<std::string>{"events"}, {"events", "--json"}}) {
        const Outcome outcome = watch({ready, lagged}, unreachable("closed"), arguments);
        EXPECT_EQ(outcome.code, 1);
        EXPECT_THAT(outcome.out, HasSubstr("lagged"));
        EXPECT_THAT(outcome.err, HasSubstr("events were lost"));
        EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1);
    }
    EXPECT_EQ(watch({ready}, reply_of(lagged)).code, 1);  // as the last reply
}

TEST(CtlEvents, FailsWhenTheDaemonGoes) {
    const Outcome outcome = watch({ready}, unreachable("closed"), {"events", "--json"});
    EXPECT_EQ(outcome.code, 5);
    EXPECT_THAT(outcome.out, HasSubstr("\n{\"error\":\"DaemonUnreachable\""));
    EXPECT_THAT(outcome.err, HasSubstr("connection to the daemon was lost"));
}

TEST(CtlEvents, PassesOnWhyThereIsNoSubscription) {
    EXPECT_EQ(watch({}, unreachable("no daemon")).err, "ivshmemctl: no daemon\n");
    EXPECT_EQ(watch({}, daemon_error("io.ivshmemd.Hotplug.NoSuchVm", nullptr)).code, 3);
    EXPECT_EQ(watch({ready}, success(nullptr)).code, 1);
}

}  // namespace
}  // namespace ivshmemd::ctl::test
