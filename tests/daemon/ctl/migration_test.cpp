#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "tests/daemon/ctl/captured.h"
#include "tests/support/temp_dir.h"

namespace ivshmemd::ctl::test {
namespace {

using ivshmemd::test::TempDir;
using ::testing::HasSubstr;

constexpr const char* migrated = R"({"status": "completed", "uuid": "4fd7", "detached": [
    {"name": "p", "model": "ivshmem_plain", "role": "peer", "size": 4096, "region": "p",
     "bus": "pci.0", "slot": 30}]})";

Recorder answering(Answer answer) {
    Recorder recorder;
    recorder.answer = std::move(answer);
    return recorder;
}

json devices_of(const char* reply) {
    return json::parse(reply)["detached"];
}

std::string text_of(const std::filesystem::path& path) {
    std::ifstream file(path);
    return std::string(std::istreambuf_iterator<char>(file), {});
}

TEST(CtlCanMigrate, ExitsWithOneWhenItCannotAndSaysWhy) {
    Recorder recorder = answering(reply_of(R"({"allowed": false, "reasons": [{"severity": "blocks",
        "source": "ivshmemd", "device": "p", "text": "role peer"}]})"));
    const Outcome outcome = run_with({"can-migrate", "web"}, recorder.caller());
    EXPECT_EQ(outcome.code, 1);
    EXPECT_EQ(recorder.method, "io.ivshmemd.Hotplug.CheckMigration");
    EXPECT_EQ(recorder.parameters, json({{"vm", "web"}}));
    EXPECT_THAT(outcome.out, HasSubstr("blocks    ivshmemd  p       role peer"));
    EXPECT_THAT(outcome.out, HasSubstr("web cannot migrate"));
}

TEST(CtlCanMigrate, ExitsWithZeroInSpiteOfWarnings) {
    Recorder recorder = answering(reply_of(R"({"allowed": true, "reasons": [{"severity": "warns",
        "source": "ivshmemd", "device": "m", "text": "still used"}]})"));
    const Outcome outcome = run_with({"can-migrate", "web"}, recorder.caller());
    EXPECT_EQ(outcome.code, 0);
    EXPECT_THAT(outcome.out, HasSubstr("still used"));
    EXPECT_THAT(outcome.out, HasSubstr("web can migrate"));
}

TEST(CtlCanMigrate, PrintsTheReplyAsJson) {
    Recorder recorder = answering(reply_of(R"({"allowed": false, "reasons": []})"));
    const Outcome outcome = run_with({"--json=short", "can-migrate", "web"}, recorder.caller());
    EXPECT_EQ(outcome.code, 1);
    EXPECT_EQ(outcome.out, "{\"allowed\":false,\"reasons\":[]}\n");
}

TEST(CtlMigrate, AsksWithWhatWasGiven) {
    Recorder recorder = answering(reply_of(migrated));
    const Outcome outcome =
        run_with({"migrate", "web", "tcp:h:1", "--detach-peers", "--force", "--timeout", "1.5"},
                 recorder.caller());
    EXPECT_EQ(outcome.code, 0);
    EXPECT_EQ(recorder.parameters, json({{"vm", "web"},
                                         {"uri", "tcp:h:1"},
                                         {"detachPeers", true},
                                         {"force", true},
                                         {"timeoutMs", 1500}}));
    EXPECT_TRUE(recorder.wait.more);
    EXPECT_TRUE(recorder.wait.changes_something);
    EXPECT_EQ(outcome.out,
              "migrated web to tcp:h:1\n"
              "taken out of web, and remembered for 'ivshmemctl replug web': p\n");
}

TEST(CtlMigrate, WritesAPlanAloneToStandardOutput) {
    for (const char* json_mode : {"--json", "--json=pretty", ""}) {
        Recorder recorder = answering(reply_of(migrated));
        std::vector<std::string> arguments{"migrate", "web", "tcp:h:1", "--plan", "-"};
        if (*json_mode) arguments.insert(arguments.begin(), json_mode);
        const Outcome outcome = run_with(arguments, recorder.caller());
        EXPECT_EQ(outcome.code, 0);
        EXPECT_EQ(json::parse(outcome.out), json({{"version", 1},
                                                  {"vm", "web"},
                                                  {"uuid", "4fd7"},
                                                  {"devices", devices_of(migrated)}}));
    }
}

TEST(CtlMigrate, WritesNothingToStandardOutputWithoutAPlan) {
    Recorder recorder = answering(client_error("QemuError", "no", 8));
    const Outcome outcome =
        run_with({"--json", "migrate", "web", "tcp:h:1", "--plan", "-"}, recorder.caller());
    EXPECT_EQ(outcome.code, 8);
    EXPECT_EQ(outcome.out, "");
    EXPECT_THAT(outcome.err, HasSubstr("no"));
}

TEST(CtlMigrate, ReplacesAPlanFileWhole) {
    const TempDir dir;
    const auto file = dir / "plan";
    std::ofstream(file) << "an old one";
    Recorder failing = answering(client_error("QemuError", "no", 8));
    EXPECT_EQ(run_with({"migrate", "web", "tcp:h:1", "--plan", file}, failing.caller()).code, 8);
    EXPECT_EQ(text_of(file), "an old one");
    EXPECT_FALSE(std::filesystem::exists(file.string() + ".new"));
    Recorder recorder = answering(reply_of(migrated));
    const Outcome outcome =
        run_with({"migrate", "web", "tcp:h:1", "--plan", file}, recorder.caller());
    EXPECT_EQ(outcome.code, 0);
    EXPECT_THAT(outcome.out, HasSubstr("taken out of web, for 'ivshmemctl replug web --plan " +
                                       file.string() + "' where it runs now: p\n"));
    EXPECT_EQ(json::parse(text_of(file))["devices"], devices_of(migrated));
    EXPECT_FALSE(std::filesystem::exists(file.string() + ".new"));
}

TEST(CtlMigrate, FindsOutFirstThatAPlanCannotBeWritten) {
    Recorder recorder = answering(reply_of(migrated));
    const Outcome outcome = run_with(
        {"migrate", "web", "tcp:h:1", "--plan", "/nowhere/at/all/plan"}, recorder.caller());
    EXPECT_EQ(outcome.code, 2);
    EXPECT_EQ(recorder.calls, 0);
}

class CtlReplug : public ::testing::Test {
  protected:
    Outcome replug(const std::string& plan) {
        const auto file = dir_ / "plan";
        std::ofstream(file) << plan;
        return run_with({"replug", "web", "--plan", file}, recorder_.caller());
    }

    TempDir dir_;
    Recorder recorder_ =
        answering(reply_of(R"({"devices": [{"name": "p", "model": "ivshmem_plain"}]})"));
};

TEST_F(CtlReplug, WithoutAPlanLeavesTheChoiceToTheDaemon) {
    const Outcome outcome = run_with({"replug", "web"}, recorder_.caller());
    EXPECT_EQ(outcome.code, 0);
    EXPECT_EQ(recorder_.parameters, json({{"vm", "web"}}));
    EXPECT_THAT(outcome.out, HasSubstr("attached p to web"));
}

TEST_F(CtlReplug, PassesThePlansDevicesOn) {
    const json plan = {
        {"version", 1}, {"vm", "a"}, {"uuid", nullptr}, {"devices", devices_of(migrated)}};
    EXPECT_EQ(replug(plan.dump()).code, 0);
    EXPECT_EQ(recorder_.parameters, json({{"vm", "web"}, {"devices", devices_of(migrated)}}));
}

TEST_F(CtlReplug, RefusesWhatIsNoPlan) {
    for (const char* text :
         {"", "x", "[]", "{}", R"({"version": 2, "vm": "a", "uuid": "", "devices": []})",
          R"({"version": "1", "vm": "a", "uuid": "", "devices": []})",
          R"({"version": 1, "uuid": "", "devices": []})",
          R"({"version": 1, "vm": "a", "uuid": 1, "devices": []})",
          R"({"version": 1, "vm": "a", "uuid": ""})",
          R"({"version": 1, "vm": "a", "uuid": "", "devices": {}})",
          R"({"version": 1, "vm": "a", "uuid": "", "devices": [1]})",
          R"({"version": 1, "vm": "a", "uuid": "", "devices": [{"name": "p"}]})",
          R"({"version": 1, "vm": "a", "uuid": "", "devices": [], "more": 1})",
          R"({"version": 1, "version": 1, "vm": "a", "uuid": "", "devices": []})"}) {
        const Outcome outcome = replug(text);
        EXPECT_EQ(outcome.code, 2) << text;
        EXPECT_THAT(outcome.err, HasSubstr("is no plan: ")) << text;
    }
    EXPECT_EQ(recorder_.calls, 0);
    EXPECT_EQ(run_with({"replug", "web", "--plan", "/nowhere"}, recorder_.caller()).code, 2);
}

TEST_F(CtlReplug, GivesUpWhatIsOutWhenToldToForgetIt) {
    recorder_.answer = reply_of(R"({"forgotten": [{"name": "p", "model": "ivshmem_plain"}]})");
    Outcome outcome = run_with({"replug", "web", "--forget"}, recorder_.caller());
    EXPECT_EQ(outcome.code, 0);
    EXPECT_EQ(recorder_.method, "io.ivshmemd.Hotplug.Forget");
    EXPECT_EQ(recorder_.parameters, json({{"vm", "web"}}));
    EXPECT_THAT(outcome.out, HasSubstr("gave up p of web: ivshmem-plain"));
    recorder_.answer = reply_of(R"({"forgotten": []})");
    outcome = run_with({"replug", "web", "--forget"}, recorder_.caller());
    EXPECT_EQ(outcome.code, 0);
    EXPECT_THAT(outcome.err, HasSubstr("nothing is out of web"));
    recorder_.calls = 0;
    outcome = run_with({"replug", "web", "--forget", "--plan", "-"}, recorder_.caller());
    EXPECT_EQ(outcome.code, 2);
    EXPECT_EQ(recorder_.calls, 0);
}

TEST_F(CtlReplug, SaysWhenThereIsNothingToPlugIn) {
    recorder_.answer = reply_of(R"({"devices": []})");
    const Outcome outcome = run_with({"replug", "web"}, recorder_.caller());
    EXPECT_EQ(outcome.code, 0);
    EXPECT_THAT(outcome.err, HasSubstr("nothing to plug in"));
}

}  // namespace
}  // namespace ivshmemd::ctl::test
