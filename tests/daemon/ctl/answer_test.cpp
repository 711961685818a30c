#include "daemon/ctl/answer.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "daemon/ctl/output.h"
#include "tests/daemon/ctl/captured.h"

namespace ivshmemd::ctl::test {
namespace {

TEST(CtlAnswer, MapsErrorNamesToExitCodes) {
    const std::vector<std::pair<const char*, int>> rows{
        {"io.ivshmemd.Hotplug.Internal", 1},
        {"io.ivshmemd.Hotplug.NoFreeSlot", 1},
        {"io.ivshmemd.Hotplug.RegionUnavailable", 1},
        {"io.ivshmemd.Hotplug.MigrationBlocked", 1},
        {"io.ivshmemd.Hotplug.BadName", 2},
        {"io.ivshmemd.Hotplug.BadSize", 2},
        {"org.varlink.service.InvalidParameter", 2},
        {"io.ivshmemd.Hotplug.NoSuchVm", 3},
        {"io.ivshmemd.Hotplug.NoSuchDevice", 3},
        {"org.varlink.service.PermissionDenied", 4},
        {"io.ivshmemd.Hotplug.VmUnavailable", 5},
        {"io.ivshmemd.Hotplug.DeviceExists", 6},
        {"io.ivshmemd.Hotplug.MasterExists", 6},
        {"io.ivshmemd.Hotplug.SlotInUse", 6},
        {"io.ivshmemd.Hotplug.RegionMismatch", 6},
        {"io.ivshmemd.Hotplug.OperationInProgress", 6},
        {"io.ivshmemd.Hotplug.MigrationActive", 6},
        {"io.ivshmemd.Hotplug.TimedOut", 7},
        {"io.ivshmemd.Hotplug.ServerUnusable", 8},
        {"io.ivshmemd.Hotplug.DetachRefused", 8},
        {"io.ivshmemd.Hotplug.QemuError", 8},
        {"io.ivshmemd.Hotplug.ModelNotSupported", 9},
        {"io.ivshmemd.Hotplug.ConfigUnsupported", 9},
        {"io.ivshmemd.Hotplug.Unheard", 1},
        {"org.varlink.service.MethodNotFound", 1},
        {"com.example.NoSuchVm", 1},
        {"NoSuchVm", 1},
        {"io.ivshmemd.Hotplugger.NoSuchVm", 1},
    };
    for (const auto& [name, code] : rows) {
        const Answer answer = daemon_error(name, nullptr);
        EXPECT_EQ(answer.exit_code, code) << name;
        EXPECT_FALSE(answer.message.empty()) << name;
    }
}

TEST(CtlAnswer, ShortensOnlyOurOwnErrorNames) {
    EXPECT_EQ(daemon_error("io.ivshmemd.Hotplug.NoSuchVm", nullptr).error, "NoSuchVm");
    EXPECT_EQ(daemon_error("org.varlink.service.InvalidParameter", nullptr).error,
              "org.varlink.service.InvalidParameter");
}

TEST(CtlAnswer, NamesTheParameterOfAStandardError) {
    const Answer answer =
        daemon_error("org.varlink.service.InvalidParameter",
                     std::make_shared<const json>(json::parse(R"({"parameter":"slot"})")));
    EXPECT_EQ(answer.message, "the daemon does not accept parameter 'slot'");
}

TEST(CtlOutput, PrintsAnErrorOnceForPeopleAndOnceForPrograms) {
    Captured captured;
    const Answer answer =
        daemon_error("io.ivshmemd.Hotplug.NoSuchVm",
                     std::make_shared<const json>(json::parse(R"({"message":"no\n","vm":"w"})")));
    EXPECT_EQ(print_error(answer, JsonMode::short_, captured.console), 3);
    EXPECT_EQ(captured.out.str(),
              "{\"error\":\"NoSuchVm\",\"parameters\":{\"message\":\"no\\n\",\"vm\":\"w\"}}\n");
    EXPECT_EQ(captured.err.str(), "ivshmemctl: no\\n\n");
}

TEST(CtlOutput, PrintsErrorsOnlyForPeopleWithoutJson) {
    Captured captured;
    print_error(unreachable("gone"), JsonMode::off, captured.console);
    EXPECT_EQ(captured.out.str(), "");
    EXPECT_EQ(captured.err.str(), "ivshmemctl: gone\n");
}

TEST(CtlOutput, IndentsJsonOnATerminalUnlessToldOtherwise) {
    const auto printed = [](JsonMode mode, bool terminal) {
        Captured captured;
        captured.console.out_is_terminal = terminal;
        print_json(json{{"a", 1}}, mode, captured.console);
        return captured.out.str();
    };
    EXPECT_EQ(printed(JsonMode::automatic, true), "{\n    \"a\": 1\n}\n");
    EXPECT_EQ(printed(JsonMode::automatic, false), "{\"a\":1}\n");
    EXPECT_EQ(printed(JsonMode::short_, true), "{\"a\":1}\n");
    EXPECT_EQ(printed(JsonMode::pretty, false), "{\n    \"a\": 1\n}\n");
}

TEST(CtlOutput, EscapesControlsOfJsonOnATerminal) {
    Captured captured;
    captured.console.out_is_terminal = true;
    print_json(json{{"a", "\xc2\x9b\x7f"}}, JsonMode::short_, captured.console);
    EXPECT_EQ(captured.out.str(), "{\"a\":\"\\u009b\\u007f\"}\n");
}

}  // namespace
}  // namespace ivshmemd::ctl::test
