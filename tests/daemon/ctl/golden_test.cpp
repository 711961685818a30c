// The output of every command against the fixed replies of golden/replies.json, compared with the
// transcripts beside it. After an intended change, IVSHMEMD_UPDATE_GOLDEN=1 in the environment
// makes these tests write the transcripts anew; review the difference.

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

#include "daemon/ctl/client.h"
#include "tests/daemon/ctl/captured.h"
#include "tests/daemon/ctl/fake_daemon.h"

namespace ivshmemd::ctl::test {
namespace {

const std::string directory = IVSHMEMD_SOURCE_DIR "/tests/daemon/ctl/golden/";

std::string content_of(const std::string& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
}

const json& replies() {
    static const json all = json::parse(content_of(directory + "replies.json"));
    return all;
}

// VM "nope" gets the error; what is said of VM "web" is said of all, because the replies are fixed.
void answer_as_fixed(Peer& peer) {
    const json call = json::parse(peer.read_message());
    const std::string method = call["method"];
    if (call["parameters"].value("vm", "") == "nope") {
        peer.send_message(replies()["error"].dump());
    } else if (method.ends_with(".Subscribe")) {
        for (const json& event : replies()["events"]) {
            peer.send_message(json{{"continues", true}, {"parameters", event}}.dump());
        }
        return;
    } else {
        peer.send_message(json{{"parameters", replies()[method]}}.dump());
    }
    peer.wait_for_close();
}

void replace_all(std::string& text, const std::string& from, const std::string& to) {
    for (auto at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
        text.replace(at, from.size(), to);
    }
}

// What a terminal would have got, readable: "<1m>" for bold.
std::string visible(std::string text) {
    for (auto at = text.find("\x1b["); at != std::string::npos; at = text.find("\x1b[", at)) {
        text.replace(at, 2, "<");
        text.insert(text.find('m', at) + 1, ">");
    }
    replace_all(text, IVSHMEMD_VERSION, "VERSION");
    return text;
}

using Line = std::vector<std::string>;

// A session as it would look on screen: standard error marked, and the exit code.
std::string transcript(const std::vector<Line>& lines, bool terminal, std::size_t width) {
    FakeDaemon daemon(answer_as_fixed);
    std::string text;
    for (const Line& arguments : lines) {
        Captured captured;
        captured.console.out_is_terminal = terminal;
        captured.console.out_width = width;
        captured.console.colour = terminal;
        const int code = run(arguments, daemon.path(), captured.console, call_daemon);
        text += "$ ivshmemctl";
        for (const std::string& word : arguments) text += " " + word;
        text += "\n" + visible(captured.out.str());
        std::istringstream errors(visible(captured.err.str()));
        for (std::string line; std::getline(errors, line);) text += "[stderr] " + line + "\n";
        text += "[exit " + std::to_string(code) + "]\n\n";
    }
    return text;
}

// The command with each kind of output; the error, if it has a VM to name.
std::vector<Line> every_way(const Line& command) {
    std::vector<Line> lines{{command[0], "--help"}, command};
    for (const char* json_option : {"--json", "--json=pretty"}) {
        lines.push_back(command);
        lines.back().emplace_back(json_option);
    }
    return lines;
}

void compare(const std::string& name, const std::vector<Line>& lines, bool terminal = false,
             std::size_t width = 0) {
    const std::string path = directory + name + ".txt";
    const std::string text = transcript(lines, terminal, width);
    if (std::getenv("IVSHMEMD_UPDATE_GOLDEN") != nullptr) std::ofstream(path) << text;
    EXPECT_EQ(text, content_of(path)) << "see the top of golden_test.cpp for how to accept this";
}

const std::vector<Line> commands_of_the_files{{"vms"},
                                              {"probe", "db"},
                                              {"attach", "web", "shm0", "--size", "64M"},
                                              {"detach", "web", "shm0", "--no-wait"},
                                              {"list"},
                                              {"show", "db", "bell"},
                                              {"regions"},
                                              {"region", "remove", "spare"},
                                              {"events"},
                                              {"doctor"},
                                              {"topology"},
                                              {"can-migrate", "web"},
                                              {"migrate", "web", "tcp:host2:4444"},
                                              {"replug", "web"},
                                              {"qemu-args", "web"},
                                              {"help", "vms"},
                                              {"version"}};

class CtlGolden : public testing::TestWithParam<Line> {};

TEST_P(CtlGolden, PrintsWhatItPrintedBefore) {
    compare(GetParam()[0], every_way(GetParam()));
}

INSTANTIATE_TEST_SUITE_P(Commands, CtlGolden, testing::ValuesIn(commands_of_the_files),
                         [](const auto& test) {
                             std::string name = test.param[0];
                             std::replace(name.begin(), name.end(), '-', '_');
                             return name;
                         });

TEST(CtlGoldenFiles, PrintWhatWasPrintedOnATerminalBefore) {
    compare("terminal",
            {{"vms"},
             {"probe", "db"},
             {"list"},
             {"show", "web", "device[0]"},
             {"regions"},
             {"events"},
             {"doctor"},
             {"topology"},
             {"regions", "--json"}},
            true);
}

TEST(CtlGoldenFiles, PrintWhatWasPrintedOnNarrowTerminalsBefore) {
    const std::vector<Line> lines{{"vms"},    {"probe", "db"}, {"list"},    {"regions"},
                                  {"events"}, {"doctor"},      {"topology"}};
    compare("terminal-80", lines, true, 80);
    compare("terminal-40", lines, true, 40);
}

TEST(CtlGoldenFiles, PrintTheHelpOfWhatAsksNoDaemonAsBefore) {
    compare("ring", {{"ring", "--help"}, {"ring"}});
}

TEST(CtlGoldenFiles, PrintWhatWasPrintedForGraphvizBefore) {
    compare("topology-dot", {{"topology", "--dot"}});
}

TEST(CtlGoldenFiles, PrintTheErrorsTheyPrintedBefore) {
    compare("errors", {{"show", "db"},
                       {"attach", "db"},
                       {"detach", "db"},
                       {"probe", "nope"},
                       {"probe", "nope", "--json"},
                       {"probe", "nope", "--json=pretty"},
                       {"attach", "nope", "shm0"},
                       {"detach", "nope", "shm0", "--json"},
                       {"list", "nope"},
                       {"events", "nope", "--json"},
                       {"show", "web", "nothing"},
                       {"show", "web", "nothing", "--json"},
                       {"topology", "--dot", "--json"},
                       {"atach", "web"},
                       {"attach", "web", "shm0", "--regoin", "x"},
                       {"bogus"},
                       {}});
}

}  // namespace
}  // namespace ivshmemd::ctl::test
