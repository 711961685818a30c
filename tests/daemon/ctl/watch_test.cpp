#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/ctl/arguments.h"
#include "lib/time_of_day.h"
#include "tests/daemon/ctl/captured.h"

// list --watch and events --since.

namespace ivshmemd::ctl::test {
namespace {

using ::testing::HasSubstr;

// A daemon that tells of as many events as there are lists, and then ends so.
struct WatchedDaemon {
    std::vector<Answer> lists{};
    Answer end = client_error("Interrupted", "interrupted", exit_interrupted);
    std::vector<json> asked{};  // parameters of Subscribe and the lists

    Outcome run(std::vector<std::string> arguments) {
        std::size_t next = 0;
        const Caller caller = [&](const Address&, std::string_view method, const json& parameters,
                                  const Wait& wait) {
            asked.push_back(parameters);
            if (method == "io.ivshmemd.Hotplug.ListDevices") return lists.at(next++);
            EXPECT_EQ(method, "io.ivshmemd.Hotplug.Subscribe");
            for (std::size_t i = 0; i < lists.size(); ++i) {
                wait.progress(i == 0 ? json({{"ready", true}}) : json({{"kind", "attached"}}));
            }
            return end;
        };
        return run_with(arguments, caller);
    }
};

const Answer no_devices = reply_of(R"({"devices": []})");
const Answer one_device = reply_of(R"({"devices": [{"vm": "web", "name": "shm0"}]})");

TEST(CtlListWatch, ListsAnewWhatHasChangedAndNothingElse) {
    WatchedDaemon daemon{{one_device, one_device, no_devices, one_device}};
    const Outcome outcome = daemon.run({"--json=short", "list", "web", "--watch"});
    EXPECT_EQ(outcome.code, 0);
    const std::string line = one_device.parameters->dump() + "\n";
    EXPECT_EQ(outcome.out, line + no_devices.parameters->dump() + "\n" + line);
    for (const json& each : daemon.asked) EXPECT_EQ(each, json({{"vm", "web"}}));
}

TEST(CtlListWatch, SeparatesTablesByAnEmptyLine) {
    WatchedDaemon daemon{{one_device, no_devices, one_device}};
    const Outcome outcome = daemon.run({"list", "--watch"});
    const Outcome table = WatchedDaemon{{one_device}}.run({"list", "--watch"});
    EXPECT_THAT(table.out, HasSubstr("shm0"));
    EXPECT_EQ(outcome.out, table.out + "\n\n" + table.out);
}

TEST(CtlListWatch, EndsWithTheDaemon) {
    WatchedDaemon daemon{{one_device}, unreachable("it is gone")};
    EXPECT_EQ(daemon.run({"list", "--watch"}).code, 5);
    WatchedDaemon failing{{unreachable("it is gone"), one_device}};
    const Outcome outcome = failing.run({"list", "--watch"});
    EXPECT_EQ(outcome.code, 5);
    EXPECT_EQ(outcome.err, "ivshmemctl: it is gone\n");
}

TEST(CtlListWatch, EndsQuietlyWhenInterruptedWhileItLists) {
    WatchedDaemon daemon{
        {client_error("Interrupted", "interrupted", exit_interrupted), one_device}};
    const Outcome outcome = daemon.run({"list", "--watch"});
    EXPECT_EQ(outcome.code, 0);
    EXPECT_EQ(outcome.out + outcome.err, "");
}

TEST(CtlEventsSince, AsksForATimeOrASpan) {
    Recorder recorder;
    recorder.answer = client_error("Interrupted", "interrupted", exit_interrupted);
    run_with({"events", "web", "--since", "2026-03-01T11:30:00+02:00"}, recorder.caller());
    EXPECT_EQ(recorder.parameters, json({{"vm", "web"}, {"since", "2026-03-01T09:30:00.000Z"}}));
    run_with({"events", "--since=1h"}, recorder.caller());
    EXPECT_TRUE(parse_time_of_day(std::string(recorder.parameters["since"])));
    EXPECT_EQ(run_with({"events", "--since", "yesterday"}, recorder.caller()).code, 2);
}

TEST(CtlEventsSince, SaysWhereTheDaemonsMemoryBegins) {
    Recorder recorder;
    recorder.answer = client_error("Interrupted", "interrupted", exit_interrupted);
    recorder.replies_before = {{{"ready", true}, {"forgottenBefore", "2026-03-01T09:30:00.000Z"}}};
    const Outcome outcome = run_with({"events", "--since", "1d"}, recorder.caller());
    EXPECT_EQ(outcome.out, "");
    EXPECT_EQ(outcome.err,
              "ivshmemctl: the daemon does not remember what was before "
              "2026-03-01T09:30:00.000Z\n");
}

TEST(CtlEventsSince, ReadsSpansOfSecondsMinutesHoursAndDays) {
    const std::int64_t now = 1'772'357'400'000;
    EXPECT_EQ(parse_since("90s", now), now - 90'000);
    EXPECT_EQ(parse_since("15m", now), now - 900'000);
    EXPECT_EQ(parse_since("2h", now), now - 7'200'000);
    EXPECT_EQ(parse_since("1d", now), now - 86'400'000);
    EXPECT_EQ(parse_since("0s", now), now);
    for (const char* text :
         {"", "s", "-1s", "1.5h", "1w", "h1", "99999999d", "9223372036854775807s"}) {
        EXPECT_FALSE(parse_since(text, now)) << text;
    }
}

}  // namespace
}  // namespace ivshmemd::ctl::test
