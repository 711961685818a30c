#include "daemon/ctl/run.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/ctl/command.h"
#include "tests/daemon/ctl/captured.h"

namespace ivshmemd::ctl::test {
namespace {

using namespace std::string_literals;
using testing::HasSubstr;

struct Row {
    std::vector<std::string> arguments;
    const char* method;
    const char* parameters;
};

TEST(CtlRun, SendsExactlyWhatWasGiven) {
    const std::vector<Row> rows{
        {{"vms"}, "ListVms", "{}"},
        {{"probe", "web"}, "Probe", R"({"vm":"web"})"},
        {{"probe", "vms"}, "Probe", R"({"vm":"vms"})"},
        {{"probe", ""}, "Probe", R"({"vm":""})"},
        {{"list"}, "ListDevices", "{}"},
        {{"list", "web"}, "ListDevices", R"({"vm":"web"})"},
        {{"regions"}, "ListRegions", "{}"},
        {{"region", "remove", "shm0"}, "RemoveRegion", R"({"region":"shm0"})"},
        {{"events"}, "Subscribe", "{}"},
        {{"events", "web"}, "Subscribe", R"({"vm":"web"})"},
        {{"events", ""}, "Subscribe", R"({"vm":""})"},
        {{"topology"}, "ListDevices", "{}"},
        {{"doctor"}, "Diagnose", "{}"},
        {{"doctor", "web"}, "Diagnose", R"({"vm":"web"})"},
        {{"list", ""}, "ListDevices", R"({"vm":""})"},
        {{"show", "list", "vms"}, "ListDevices", R"({"vm":"list"})"},
        {{"attach", "web", "shm0"}, "Attach", R"({"vm":"web","name":"shm0"})"},
        {{"attach", "web/shm0"}, "Attach", R"({"vm":"web","name":"shm0"})"},
        {{"attach", "web/a/b"}, "Attach", R"({"vm":"web","name":"a/b"})"},
        {{"attach", "web/x", "shm0"}, "Attach", R"({"vm":"web/x","name":"shm0"})"},
        {{"detach", "web/shm0"}, "Detach", R"({"vm":"web","name":"shm0"})"},
        {{"detach", "web/", "--qom-path", "/x"}, "Detach", R"({"vm":"web/","qomPath":"/x"})"},
        {{"show", "web/shm0"}, "ListDevices", R"({"vm":"web"})"},
        {{"list", "web/shm0"}, "ListDevices", R"({"vm":"web/shm0"})"},
        {{"attach", "web", "shm0", "--size", "64M"},
         "Attach",
         R"({"vm":"web","name":"shm0","size":67108864})"},
        {{"attach", "--size=4K", "web", "shm0", "--role", "master", "--model", "auto"},
         "Attach",
         R"({"vm":"web","name":"shm0","size":4096,"role":"master","model":"auto"})"},
        {{"attach", "web", "shm0", "--region", "", "--bus", "rp0", "--slot", "0", "--dry-run"},
         "Attach",
         R"({"vm":"web","name":"shm0","region":"","bus":"rp0","slot":0,"dryRun":true})"},
        {{"attach", "web", "b", "--server", "/s", "--vectors", "010", "--msi", "off", "--ioeventfd",
          "on"},
         "Attach",
         R"({"vm":"web","name":"b","server":"/s","vectors":10,"msi":false,"ioeventfd":true})"},
        {{"attach", "web", "b", "--slot", "-1"}, "Attach", R"({"vm":"web","name":"b","slot":-1})"},
        {{"attach", "web", "--", "-b"}, "Attach", R"({"vm":"web","name":"-b"})"},
        {{"detach", "web", "shm0"}, "Detach", R"({"vm":"web","name":"shm0"})"},
        {{"detach", "web", "--qom-path", "/machine/peripheral-anon/device[0]"},
         "Detach",
         R"({"vm":"web","qomPath":"/machine/peripheral-anon/device[0]"})"},
        {{"detach", "web", "shm0", "--timeout", "2.5", "--remove-region"},
         "Detach",
         R"({"vm":"web","name":"shm0","timeoutMs":2500,"removeRegion":true})"},
        {{"detach", "web", "shm0", "--no-wait"},
         "Detach",
         R"({"vm":"web","name":"shm0","timeoutMs":0})"},
    };
    for (const Row& row : rows) {
        Recorder recorder;
        run_with(row.arguments, recorder.caller());
        EXPECT_EQ(recorder.method, std::string("io.ivshmemd.Hotplug.") + row.method);
        EXPECT_EQ(recorder.parameters, json::parse(row.parameters)) << recorder.parameters;
        const bool more = row.method == "Detach"s || row.method == "Subscribe"s;
        EXPECT_EQ(recorder.wait.more, more);
    }
}

TEST(CtlRun, RefusesCommandLinesThatMakeNoSenseWithoutCalling) {
    const std::vector<std::vector<std::string>> rows{
        {},
        {"bogus"},
        {"vms", "extra"},
        {"regions", "extra"},
        {"region"},
        {"region", "remove"},
        {"region", "remove", "shm0", "extra"},
        {"ring"},
        {"ring", "0"},
        {"events", "web", "db"},
        {"topology", "web"},
        {"doctor", "web", "db"},
        {"topology", "--dot", "--json"},
        {"vms", "--bogus"},
        {"show"},
        {"attach", "web"},
        {"attach", "web", "shm0", "--slot", "0x1"},
        {"attach", "web", "shm0", "--slot", ""},
        {"attach", "web", "shm0", "--slot", "99999999999999999999"},
        {"attach", "web", "shm0", "--vectors", "1.5"},
        {"attach", "web", "shm0", "--msi", "yes"},
        {"attach", "web", "shm0", "--role", "peer", "--role", "master"},
        {"attach", "web", "shm0", "--region"},
        {"detach", "web"},
        {"detach", "web", "shm0", "--qom-path", "/x"},
        {"detach", "web", "shm0", "--no-wait", "--timeout", "1"},
        {"detach", "web", "shm0", "--timeout", "-1"},
        {"detach", "web", "shm0", "--timeout", "nan"},
        {"detach", "web", "shm0", "--timeout", "1e300"},
        {"detach", "web", "shm0", "--timeout", "soon"},
        {"--json=xml", "vms"},
        {"--json=", "vms"},
        {"--json", "short", "vms"},
    };
    for (const auto& arguments : rows) {
        Recorder recorder;
        const Outcome outcome = run_with(arguments, recorder.caller());
        EXPECT_EQ(outcome.code, 2) << testing::PrintToString(arguments);
        EXPECT_EQ(recorder.calls, 0) << testing::PrintToString(arguments);
        EXPECT_THAT(outcome.err, testing::StartsWith("ivshmemctl: "));
        EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
    }
}

TEST(CtlRun, CallsSizesItCannotReadBadSize) {
    for (const std::string size : {"-1", "-4K", "", "64X", "abc", "64MB", "99999999999999999999"}) {
        for (const auto& spelled : {std::vector<std::string>{"--size", size},
                                    std::vector<std::string>{"--size=" + size}}) {
            Recorder recorder;
            std::vector<std::string> arguments{"--json", "attach", "web", "shm0"};
            arguments.insert(arguments.end(), spelled.begin(), spelled.end());
            if (size.empty() && spelled.size() == 1) continue;  // no value at all: a usage error
            const Outcome outcome = run_with(arguments, recorder.caller());
            EXPECT_EQ(outcome.code, 2);
            EXPECT_EQ(recorder.calls, 0);
            EXPECT_EQ(json::parse(outcome.out)["error"], "BadSize") << size;
        }
    }
}

TEST(CtlRun, ReportsUsageErrorsAsJsonToo) {
    Recorder recorder;
    const Outcome outcome = run_with({"detach", "--json=short"}, recorder.caller());
    const json printed = json::parse(outcome.out);
    EXPECT_EQ(outcome.code, 2);
    EXPECT_EQ(printed["error"], "Usage");
    EXPECT_THAT(printed["parameters"]["message"], HasSubstr("VM is required"));
    EXPECT_THAT(outcome.err, HasSubstr("VM is required; see 'ivshmemctl detach --help'"));
}

TEST(CtlRun, TakesGlobalOptionsBeforeAndAfterTheCommand) {
    for (const auto& arguments :
         {std::vector<std::string>{"--socket", "/x.sock", "--json", "vms"},
          std::vector<std::string>{"vms", "--json", "--socket", "/x.sock"},
          std::vector<std::string>{"--json=short", "vms", "--socket=/x.sock"}}) {
        Recorder recorder;
        recorder.answer = reply_of(R"({"vms":[]})");
        const Outcome outcome = run_with(arguments, recorder.caller());
        EXPECT_EQ(outcome.code, 0) << outcome.err;
        EXPECT_EQ(outcome.out, "{\"vms\":[]}\n");
        EXPECT_EQ(recorder.socket_path, "/x.sock");
    }
}

TEST(CtlRun, UsesTheDefaultSocketOtherwise) {
    Recorder recorder;
    run_with({"vms"}, recorder.caller(), "/run/default.sock");
    EXPECT_EQ(recorder.socket_path, "/run/default.sock");
}

// A screen of 80x24; the prompt below may move what the command is for out of it.
constexpr int screen = 24;
// The list of all commands needs a larger one.
constexpr int tall_screen = 33;

void expect_to_fit_a_screen(const std::string& text, int most = screen) {
    EXPECT_TRUE(text.ends_with("\n") && !text.ends_with("\n\n")) << text;
    EXPECT_LE(std::count(text.begin(), text.end(), '\n'), most) << text;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 80U) << line;
}

TEST(CtlRun, PrintsHelpThatFitsAScreen) {
    Recorder recorder;
    const Outcome outcome = run_with({"--help"}, recorder.caller());
    EXPECT_EQ(outcome.code, 0);
    EXPECT_EQ(outcome.err, "");
    expect_to_fit_a_screen(outcome.out, tall_screen);
    for (const Command& command : commands()) {
        EXPECT_THAT(outcome.out, HasSubstr("\n  " + std::string(command.name) + " "));
    }
}

TEST(CtlRun, PrintsHelpWithAnExampleForEveryCommand) {
    for (const Command& command : commands()) {
        Recorder recorder;
        const Outcome outcome = run_with({command.name, "--help"}, recorder.caller());
        EXPECT_EQ(outcome.code, 0);
        EXPECT_EQ(recorder.calls, 0);
        expect_to_fit_a_screen(outcome.out);
        EXPECT_THAT(outcome.out, testing::StartsWith(command.summary));
        const std::size_t examples = outcome.out.find("\nExample");
        ASSERT_NE(examples, std::string::npos) << outcome.out;
        EXPECT_THAT(outcome.out.substr(examples),
                    HasSubstr("ivshmemctl " + std::string(command.name)));
    }
}

TEST(CtlRun, PrintsTheSameHelpWithAWordAndWithAnOption) {
    Recorder recorder;
    EXPECT_EQ(run_with({"help"}, recorder.caller()).out,
              run_with({"--help"}, recorder.caller()).out);
    for (const Command& command : commands()) {
        const Outcome word = run_with({"help", command.name}, recorder.caller());
        EXPECT_EQ(word.code, 0);
        EXPECT_EQ(word.out, run_with({command.name, "--help"}, recorder.caller()).out);
        EXPECT_THAT(word.out, HasSubstr("\n  --socket PATH"));
        EXPECT_THAT(word.out, HasSubstr("\n  --json[=short|pretty]"));
    }
    EXPECT_EQ(recorder.calls, 0);
    EXPECT_EQ(run_with({"help", "region", "remove"}, recorder.caller()).out,
              run_with({"help", "region"}, recorder.caller()).out);
    EXPECT_EQ(run_with({"help", "region", "stretch"}, recorder.caller()).code, 2);
    EXPECT_EQ(run_with({"help", "list", "remove"}, recorder.caller()).code, 2);
    const Outcome unknown = run_with({"help", "atach"}, recorder.caller());
    EXPECT_EQ(unknown.code, 2);
    EXPECT_EQ(
        unknown.err,
        "ivshmemctl: unknown command 'atach', did you mean 'attach'? See 'ivshmemctl help'\n");
}

TEST(CtlRun, SuggestsWhatWasProbablyMeant) {
    const std::vector<std::pair<std::vector<std::string>, std::string>> rows{
        {{"atach"}, "unknown command 'atach', did you mean 'attach'? See 'ivshmemctl --help'"},
        {{"topo"}, "unknown command 'topo', did you mean 'topology'? See 'ivshmemctl --help'"},
        {{"frobnicate"}, "unknown command 'frobnicate'; see 'ivshmemctl --help'"},
        {{"detach", "web", "x", "--timout=3"},
         "unknown option '--timout=3', did you mean '--timeout'? See 'ivshmemctl detach --help'"},
        {{"vms", "--sokcet", "x"},
         "unknown option '--sokcet', did you mean '--socket'? See 'ivshmemctl vms --help'"},
        {{"vms", "extra"}, "unexpected 'extra'; see 'ivshmemctl vms --help'"},
    };
    for (const auto& [arguments, message] : rows) {
        Recorder recorder;
        const Outcome outcome = run_with(arguments, recorder.caller());
        EXPECT_EQ(outcome.code, 2);
        EXPECT_EQ(outcome.err, "ivshmemctl: " + message + "\n");
    }
}

}  // namespace
}  // namespace ivshmemd::ctl::test
