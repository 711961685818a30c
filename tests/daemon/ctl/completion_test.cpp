// The bash completion in a real bash, with the real program and a scripted daemon.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>

#include "daemon/ctl/command.h"
#include "tests/daemon/ctl/fake_daemon.h"
#include "tests/daemon/ctl/fake_ssh.h"
#include "tests/support/process.h"
#include "tests/support/terminal.h"

namespace ivshmemd::ctl::test {
namespace {

using nlohmann::json;
using testing::IsEmpty;
using testing::UnorderedElementsAre;
using Words = std::vector<std::string>;

const std::string program = IVSHMEMD_BIN_DIR "/ivshmemctl";
const std::string file = IVSHMEMD_SOURCE_DIR "/daemon/ctl/ivshmemctl.bash-completion";

// Calls the function as bash would with the cursor at the end of the last word.
constexpr const char* driver = R"(
    source "$0" || exit
    COMP_WORDS=("$@")
    COMP_CWORD=$(($# - 1))
    _ivshmemctl "$1" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
    for word in "${COMPREPLY[@]}"; do printf '%s\n' "$word"; done)";

void answer(Peer& peer) {
    const json call = json::parse(peer.read_message());
    const std::string method = call["method"];
    json reply;
    if (method.ends_with(".ListVms")) {
        reply["vms"] = {{{"name", "web"}}, {{"name", "db"}, {"lastError", "no \"name\":\"x\""}}};
    } else if (method.ends_with(".ListRegions")) {
        reply["regions"] = {{{"name", "shm0"}, {"users", {{{"vm", "web"}, {"device", "d"}}}}}};
    } else if (method.ends_with(".Probe")) {
        reply["capabilities"]["buses"] = {{{"name", "rp0"}}, {{"name", "rp1"}}};
    } else if (call["parameters"].value("vm", "") == "web") {
        reply["devices"] = {{{"name", "bell"}, {"qomPath", "/machine/peripheral/bell"}},
                            {{"name", "$(reboot)"}, {"qomPath", "/machine/x"}}};
    }
    peer.send_message(json{{"parameters", reply}}.dump());
}

class CtlCompletion : public testing::Test {
  protected:
    /// What is offered after these words, the last of which is being typed.
    Words offered(Words words, const std::string& socket = "") {
        Words argv{"bash", "--norc", "-c", driver, file, program};
        argv.insert(argv.end(), words.begin(), words.end());
        const std::string daemon = socket.empty() ? daemon_.path() : socket;
        const auto result = ivshmemd::test::run(
            {argv, {{"IVSHMEMD_SOCKET", daemon}, {"IVSHMEMCTL_COMPLETION_TIMEOUT", "20"}}});
        EXPECT_EQ(result.exit_code, 0);
        EXPECT_EQ(result.err, "");
        std::istringstream lines(result.out);
        Words found;
        for (std::string line; std::getline(lines, line);) found.push_back(line);
        return found;
    }

    FakeDaemon daemon_{answer};
};

TEST_F(CtlCompletion, OffersEveryCommand) {
    Words names;
    for (const Command& command : commands()) names.emplace_back(command.name);
    EXPECT_THAT(offered({""}), testing::UnorderedElementsAreArray(names));
    EXPECT_THAT(offered({"help", "sh"}), UnorderedElementsAre("show"));
    EXPECT_THAT(offered({"--json", "sh"}), UnorderedElementsAre("show"));
    EXPECT_THAT(offered({"--socket", "/some/socket", "top"}), UnorderedElementsAre("topology"));
}

TEST_F(CtlCompletion, OffersOptionsOfTheCommandAndOfTheProgram) {
    EXPECT_THAT(offered({"--"}), UnorderedElementsAre("--help", "--host", "--socket", "--json"));
    EXPECT_THAT(offered({"topology", "--"}),
                UnorderedElementsAre("--help", "--host", "--socket", "--json", "--dot",
                                     "--declared", "--prune"));
    EXPECT_THAT(offered({"attach", "web", "shm0", "--s"}),
                UnorderedElementsAre("--size", "--slot", "--server", "--socket"));
}

TEST_F(CtlCompletion, OffersValuesOfOptions) {
    EXPECT_THAT(offered({"attach", "--msi", ""}), UnorderedElementsAre("on", "off"));
    EXPECT_THAT(offered({"attach", "--role", "m"}), UnorderedElementsAre("master"));
    EXPECT_THAT(offered({"attach", "--model", "ivshmem-"}),
                UnorderedElementsAre("ivshmem-plain", "ivshmem-doorbell"));
    EXPECT_THAT(offered({"--json", "="}), UnorderedElementsAre("short", "pretty"));
    EXPECT_THAT(offered({"vms", "--json", "=", "pr"}), UnorderedElementsAre("pretty"));
    EXPECT_THAT(offered({"attach", "--role", "=", "pe"}), UnorderedElementsAre("peer"));
    EXPECT_THAT(offered({"--socket", file.substr(0, file.size() - 3)}), UnorderedElementsAre(file));
}

TEST_F(CtlCompletion, OffersNamesFromTheRunningDaemon) {
    EXPECT_THAT(offered({"probe", ""}), UnorderedElementsAre("web", "db"));
    EXPECT_THAT(offered({"list", "w"}), UnorderedElementsAre("web"));
    EXPECT_THAT(offered({"list", "web", ""}), IsEmpty());
    EXPECT_THAT(offered({"doctor", ""}), UnorderedElementsAre("web", "db"));
    EXPECT_THAT(offered({"detach", "web", "b"}), UnorderedElementsAre("bell"));
    EXPECT_THAT(offered({"detach", "web/b"}), UnorderedElementsAre("web/bell"));
    EXPECT_THAT(offered({"show", "web/"}), UnorderedElementsAre("web/bell", "web/\\$\\(reboot\\)"));
    EXPECT_THAT(offered({"list", "web/"}), IsEmpty());
    EXPECT_THAT(offered({"show", "db", ""}), IsEmpty());
    EXPECT_THAT(offered({"attach", "web", ""}), UnorderedElementsAre("shm0"));
    EXPECT_THAT(offered({"region", ""}), UnorderedElementsAre("remove"));
    EXPECT_THAT(offered({"region", "remove", ""}), UnorderedElementsAre("shm0"));
    EXPECT_THAT(offered({"attach", "web", "x", "--region", ""}), UnorderedElementsAre("shm0"));
    EXPECT_THAT(offered({"attach", "web", "x", "--bus", ""}), UnorderedElementsAre("rp0", "rp1"));
    EXPECT_THAT(offered({"detach", "web", "--qom-path", "/machine/p"}),
                UnorderedElementsAre("/machine/peripheral/bell"));
}

TEST_F(CtlCompletion, OffersMoreVmsBehindAComma) {
    EXPECT_THAT(offered({"attach", "web,d"}), UnorderedElementsAre("web,db"));
    EXPECT_THAT(offered({"detach", "web,d"}), UnorderedElementsAre("web,db"));
    EXPECT_THAT(offered({"attach", "d"}), UnorderedElementsAre("db"));
    EXPECT_THAT(offered({"attach", "web,"}), UnorderedElementsAre("web,db")) << "each once";
    EXPECT_THAT(offered({"attach", "web,db,"}), IsEmpty());
    EXPECT_THAT(offered({"attach", "we,"}), UnorderedElementsAre("we,web", "we,db"));
    EXPECT_THAT(offered({"probe", "web,"}), IsEmpty()) << "it takes one";
    // Of those, the first is asked.
    EXPECT_THAT(offered({"detach", "web,db", "b"}), UnorderedElementsAre("bell"));
    EXPECT_THAT(offered({"attach", "web,db", "x", "--bus", ""}),
                UnorderedElementsAre("rp0", "rp1"));
}

TEST_F(CtlCompletion, AsksTheDaemonThatWasNamed) {
    EXPECT_THAT(offered({"--socket", daemon_.path(), "probe", "w"}, "/nonexistent"),
                UnorderedElementsAre("web"));
    EXPECT_THAT(
        offered({"probe", "--socket", "=", "'" + daemon_.path() + "'", "w"}, "/nonexistent"),
        UnorderedElementsAre("web"));
}

TEST_F(CtlCompletion, AsksTheHostThatWasNamed) {
    FakeSsh ssh(FakeSsh::bridge);
    const auto host = [](Peer& peer) {
        peer.read_message();
        peer.send_message(R"({"parameters":{"interfaces":["io.ivshmemd.Hotplug"]}})");
        peer.read_message();
        peer.send_message(R"({"parameters":{"vms":[{"name":"there"}]}})");
        peer.wait_for_close();
    };
    FakeDaemon daemon(host);
    ssh.there(daemon.path());
    EXPECT_THAT(offered({"-H", "host2", "probe", ""}), UnorderedElementsAre("there"));
    EXPECT_THAT(offered({"probe", "--host", "=", "host2", ""}), UnorderedElementsAre("there"));
    EXPECT_THAT(offered({"-H", "host2", "prob"}), UnorderedElementsAre("probe"));
}

TEST_F(CtlCompletion, QuotesWhatAShellWouldExpand) {
    EXPECT_THAT(offered({"show", "web", "$"}), UnorderedElementsAre("\\$\\(reboot\\)"));
}

TEST_F(CtlCompletion, OffersNothingWithoutADaemon) {
    EXPECT_THAT(offered({"probe", ""}, "/nonexistent"), IsEmpty());
    EXPECT_THAT(offered({"bogus", ""}, "/nonexistent"), IsEmpty());
}

TEST_F(CtlCompletion, CompletesWhatIsTypedOnATerminal) {
    ivshmemd::test::Terminal bash(
        {"env", "PS1=ready> ", "TERM=dumb", "INPUTRC=/dev/null", "IVSHMEMCTL_COMPLETION_TIMEOUT=20",
         "IVSHMEMD_SOCKET=" + daemon_.path(), "PATH=" IVSHMEMD_BIN_DIR ":/usr/bin:/bin", "bash",
         "--norc", "--noprofile", "-i"});
    ASSERT_TRUE(bash.wait_text("ready> "));
    bash.type("source '" + file + "'; complete -p ivshmemctl\n");
    ASSERT_TRUE(bash.wait_text("\r\ncomplete -F _ivshmemctl ivshmemctl"));
    bash.type("ivshmemctl --json=sh\tpr\tw\t\n");
    EXPECT_TRUE(bash.wait_text("ivshmemctl --json=short probe web \r\n")) << bash.text();
    EXPECT_TRUE(bash.wait_text("{\"capabilities\":")) << bash.text();
    bash.type("exit\n");
    EXPECT_EQ(bash.wait_exit(), 0);
}

}  // namespace
}  // namespace ivshmemd::ctl::test
