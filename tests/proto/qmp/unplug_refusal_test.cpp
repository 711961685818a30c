#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "proto/qmp/dialect.h"
#include "tests/proto/qmp/recording.h"

namespace ivshmemd::qmp {
namespace {

ErrorReply refusal(const json& error) {
    return {{}, error.at("class").get<std::string>(), error.at("desc").get<std::string>()};
}

TEST(UnplugRefusal, IsToldFromEveryRecordedError) {
    int pending = 0;
    int missing = 0;
    int others = 0;
    for (const test::Recording& recording : test::recordings()) {
        for (const test::Exchange& each : recording.exchanges()) {
            if (each.error.is_discarded()) continue;
            SCOPED_TRACE(recording.name() + ": " + each.step);
            UnplugRefusal expected = UnplugRefusal::other;
            if (each.step == "device_del again") {
                expected = UnplugRefusal::already_pending;
                ++pending;
            } else if (each.error.at("class") == "DeviceNotFound") {
                expected = UnplugRefusal::no_such_device;
                ++missing;
            } else {
                ++others;
            }
            EXPECT_EQ(classify_unplug_refusal(refusal(each.error)), expected);
        }
    }
    EXPECT_GE(pending, 6);
    EXPECT_GE(missing, 10);
    EXPECT_GE(others, 50);
}

TEST(UnplugRefusal, KnowsThePowerIndicatorOfNativeHotplug) {
    const ErrorReply error{
        {}, "GenericError", "Hot-unplug failed: guest is busy (power indicator blinking)"};
    EXPECT_EQ(classify_unplug_refusal(error), UnplugRefusal::guest_busy);
}

TEST(UnplugRefusal, GoesByTheClassOfAMissingDevice) {
    const ErrorReply gone{{}, "DeviceNotFound", "whatever it says"};
    EXPECT_EQ(classify_unplug_refusal(gone), UnplugRefusal::no_such_device);
    const ErrorReply text_only{{}, "GenericError", "Device 'iv0' not found"};
    EXPECT_EQ(classify_unplug_refusal(text_only), UnplugRefusal::other);
}

}  // namespace
}  // namespace ivshmemd::qmp
