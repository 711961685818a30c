#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/daemon/ctl/captured.h"

namespace ivshmemd::ctl::test {
namespace {

TEST(CtlVersion, PrintsBothVersions) {
    Recorder recorder;
    recorder.answer = reply_of(R"({"product":"ivshmemd","version":"9.9"})");
    const Outcome outcome = run_with({"version"}, recorder.caller());
    EXPECT_EQ(outcome.code, 0);
    EXPECT_EQ(outcome.out, "ivshmemctl " IVSHMEMD_VERSION "\ndaemon: ivshmemd 9.9\n");
    EXPECT_EQ(recorder.method, "org.varlink.service.GetInfo");
}

TEST(CtlVersion, SucceedsWithoutADaemon) {
    Recorder recorder;
    recorder.answer = unreachable("gone");
    const Outcome outcome = run_with({"version"}, recorder.caller());
    EXPECT_EQ(outcome.code, 0);
    EXPECT_THAT(outcome.out, testing::HasSubstr("daemon: not reachable (gone)\n"));
    EXPECT_EQ(json::parse(run_with({"version", "--json"}, recorder.caller()).out),
              (json{{"client", IVSHMEMD_VERSION}, {"daemon", nullptr}}));
}

}  // namespace
}  // namespace ivshmemd::ctl::test
