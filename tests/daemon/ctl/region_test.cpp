#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/daemon/ctl/captured.h"

namespace ivshmemd::ctl::test {
namespace {

TEST(CtlRegion, AsksForTheRemoval) {
    Recorder recorder;
    const Outcome outcome = run_with({"region", "remove", "big:frames"}, recorder.caller());
    EXPECT_EQ(outcome.code, 0);
    EXPECT_EQ(recorder.method, "io.ivshmemd.Hotplug.RemoveRegion");
    EXPECT_EQ(json(recorder.parameters), json({{"region", "big:frames"}}));
    EXPECT_TRUE(recorder.wait.changes_something);
    EXPECT_EQ(outcome.out, "removed big:frames\n");
}

TEST(CtlRegion, SaysWhyItStays) {
    Recorder recorder;
    recorder.answer = daemon_error("io.ivshmemd.Hotplug.RegionUnavailable",
                                   std::make_shared<const json>(json{{"message", "it stays"}}));
    const Outcome outcome = run_with({"region", "remove", "shm0"}, recorder.caller());
    EXPECT_EQ(outcome.code, 1);
    EXPECT_EQ(outcome.out, "");
    EXPECT_EQ(outcome.err, "ivshmemctl: it stays\n");
}

TEST(CtlRegion, KnowsNoOtherAction) {
    Recorder recorder;
    const Outcome outcome = run_with({"region", "rename", "shm0"}, recorder.caller());
    EXPECT_EQ(outcome.code, 2);
    EXPECT_THAT(outcome.err, testing::HasSubstr("there is 'remove'"));
    EXPECT_EQ(run_with({"region", "remove"}, recorder.caller()).code, 2);
    EXPECT_EQ(recorder.calls, 0);
}

}  // namespace
}  // namespace ivshmemd::ctl::test
