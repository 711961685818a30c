// The real program on a real (pseudo) terminal, and without one.

#include "tests/support/terminal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <nlohmann/json.hpp>

#include "tests/daemon/ctl/fake_daemon.h"
#include "tests/support/process.h"
#include "tests/support/qemu_vm.h"

namespace ivshmemd::ctl::test {
namespace {

using ivshmemd::test::Child;
using ivshmemd::test::Command;
using ivshmemd::test::eventually;
using ivshmemd::test::RunResult;
using ivshmemd::test::soon;
using ivshmemd::test::Terminal;
using nlohmann::json;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;

const std::string program = IVSHMEMD_BIN_DIR "/ivshmemctl";
const std::string clear_line = "\r\x1b[K";

std::vector<std::string> on_xterm(const FakeDaemon& daemon, std::vector<std::string> arguments,
                                  const std::string& environment = "TERM=xterm") {
    std::vector<std::string> argv{"env",       "-u",    "NO_COLOR", "TERM=xterm",
                                  environment, program, "--socket", daemon.path()};
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    return argv;
}

/// A guest that lets go of its device when the test says so.
class SlowDetach {
  public:
    const std::string& path() const { return daemon_.path(); }
    const FakeDaemon& daemon() const { return daemon_; }
    void let_go() { released_.set_value(); }

  private:
    void play(Peer& peer) {
        peer.read_message();
        for (const char* text : {"asking the guest", "waiting for the guest"}) {
            const json progress{{"phase", "waiting"}, {"text", text}};
            peer.send_message(
                json{{"continues", true}, {"parameters", {{"progress", progress}}}}.dump());
        }
        const auto released = released_.get_future();
        if (released.wait_for(std::chrono::seconds(20)) == std::future_status::ready) {
            peer.send_message(R"({"parameters":{"result":"removed"}})");
        }
        peer.wait_for_close();
    }

    std::promise<void> released_;
    FakeDaemon daemon_{[this](Peer& peer) { play(peer); }};
};

TEST(CtlTerminal, ShowsProgressAndErasesIt) {
    SlowDetach slow;
    Terminal terminal(on_xterm(slow.daemon(), {"detach", "web", "shm0"}));
    ASSERT_TRUE(terminal.wait_text("waiting for the guest (")) << terminal.text();
    EXPECT_THAT(terminal.text(), testing::StartsWith(clear_line + "| "));
    slow.let_go();
    EXPECT_EQ(terminal.wait_exit(), 0);
    EXPECT_THAT(terminal.text(), EndsWith(clear_line + "removed\r\n"));
}

TEST(CtlTerminal, StopsWaitingAtCtrlCAndSaysHowToFollowUp) {
    SlowDetach slow;
    Terminal terminal(on_xterm(slow.daemon(), {"detach", "web", "shm0"}));
    ASSERT_TRUE(terminal.wait_text("waiting for the guest (")) << terminal.text();
    terminal.type("\x03");
    EXPECT_EQ(terminal.wait_exit(), 130);
    EXPECT_THAT(
        terminal.text(),
        EndsWith(clear_line + "ivshmemctl: stopped waiting; the daemon carries on; see 'ivshmemctl "
                              "list web', or 'ivshmemctl events web'\r\n"));
    slow.let_go();
}

TEST(CtlTerminal, StopsQuietlyWhenNothingGoesOnWithoutIt) {
    std::promise<void> asked;
    FakeDaemon daemon([&asked](Peer& peer) {
        peer.read_message();
        asked.set_value();
        peer.wait_for_close();
    });
    Terminal terminal(on_xterm(daemon, {"list"}));
    ASSERT_EQ(asked.get_future().wait_for(std::chrono::seconds(20)), std::future_status::ready);
    terminal.type("\x03");
    EXPECT_EQ(terminal.wait_exit(), 130);
    EXPECT_THAT(terminal.text(), EndsWith(clear_line + "ivshmemctl: interrupted\r\n"));
}

TEST(CtlTerminal, AnswersInTableColoursUnlessToldNotTo) {
    FakeDaemon daemon([](Peer& peer) {
        peer.read_message();
        peer.send_message(R"({"parameters":{"vms":[{"name":"web","state":"connected"}]}})");
    });
    const std::vector<std::pair<std::string, bool>> rows{
        {"TERM=xterm", true}, {"NO_COLOR=", true}, {"NO_COLOR=1", false}, {"TERM=dumb", false}};
    for (const auto& [environment, coloured] : rows) {
        Terminal terminal(on_xterm(daemon, {"vms"}, environment));
        EXPECT_EQ(terminal.wait_exit(), 0);
        EXPECT_THAT(terminal.text(), HasSubstr("1 VM listed."));
        EXPECT_EQ(terminal.text().find('\x1b') != std::string::npos, coloured) << environment;
    }
}

FakeDaemon::Script subscription() {
    return [](Peer& peer) {
        peer.read_message();
        peer.send_message(R"({"continues":true,"parameters":{"ready":true}})");
        peer.send_message(R"({"continues":true,"parameters":{"kind":"attached","vm":"web",
            "device":"shm0","time":"2026-03-01T09:30:00.125Z"}})");
        peer.wait_for_close();
    };
}

TEST(CtlTerminal, EndsEventsQuietlyAtCtrlC) {
    FakeDaemon daemon(subscription());
    Terminal terminal(on_xterm(daemon, {"events"}, "NO_COLOR=1"));
    ASSERT_TRUE(terminal.wait_text("attached        web/shm0\r\n")) << terminal.text();
    EXPECT_THAT(terminal.text(), HasSubstr("Watching; Ctrl-C ends it."));
    const std::size_t before = terminal.text().size();
    terminal.type("\x03");
    EXPECT_EQ(terminal.wait_exit(), 0);
    EXPECT_EQ(terminal.text().substr(before), "^C" + clear_line);  // the echo, wiped away
}

TEST(CtlPipe, GetsEveryEventAtOnce) {
    FakeDaemon daemon(subscription());
    Child child({{program, "--socket", daemon.path(), "--json", "events"}});
    EXPECT_TRUE(child.wait_out("\"kind\":\"attached\"", soon()));
    child.signal(SIGINT);
    EXPECT_EQ(child.wait_exit(soon()), 0);
    EXPECT_EQ(child.err(), "");
    EXPECT_EQ(child.out(),
              "{\"ready\":true}\n"
              "{\"device\":\"shm0\",\"kind\":\"attached\",\"time\":\"2026-03-01T09:30:00.125Z\","
              "\"vm\":\"web\"}\n");
}

TEST(CtlPipe, GetsALinePerStateInsteadOfProgress) {
    SlowDetach slow;
    Child child({{program, "--socket", slow.path(), "detach", "web", "shm0"}});
    const auto reported = [&child] { return child.err().ends_with("waiting for the guest\n"); };
    EXPECT_TRUE(eventually(soon(), reported));
    slow.let_go();
    EXPECT_EQ(child.wait_exit(soon()), 0);
    EXPECT_EQ(child.out(), "removed\n");
    EXPECT_THAT(child.err(), EndsWith("ivshmemctl: waiting for the guest\n"));
    EXPECT_THAT(child.err(), Not(HasSubstr("\x1b")));
}

TEST(CtlPipe, GetsNoEscapeCodesWhateverTheTerminalCould) {
    FakeDaemon daemon([](Peer& peer) {
        peer.read_message();
        peer.send_message(R"({"parameters":{"vms":[{"name":"web","state":"connected"}]}})");
    });
    const RunResult result = ivshmemd::test::run({on_xterm(daemon, {"vms"}, "CLICOLOR_FORCE=1")});
    EXPECT_EQ(result.exit_code, 0);
    EXPECT_EQ(result.out,
              "NAME  STATE      RUN-STATE  QEMU  MACHINE  PID  DEVICES\n"
              "web   connected  -          -     -        -    -\n");
    EXPECT_EQ(result.err, "");
}

RunResult run_program(std::vector<std::string> arguments, const std::string& socket_variable) {
    arguments.insert(arguments.begin(), program);
    return ivshmemd::test::run({arguments, {{"IVSHMEMD_SOCKET", socket_variable}}});
}

TEST(CtlProgram, FindsItsSocketInTheOptionThenTheEnvironment) {
    FakeDaemon daemon([](Peer& peer) {
        peer.read_message();
        peer.send_message(R"({"parameters":{"vms":[]}})");
    });
    EXPECT_EQ(run_program({"--json", "vms"}, daemon.path()).out, "{\"vms\":[]}\n");
    EXPECT_EQ(run_program({"--json", "--socket", daemon.path(), "vms"}, "/nonexistent").out,
              "{\"vms\":[]}\n");
    const RunResult nowhere = run_program({"--socket", "/nonexistent", "vms"}, daemon.path());
    EXPECT_EQ(nowhere.exit_code, 5);
    EXPECT_THAT(nowhere.err, HasSubstr("/nonexistent"));
}

TEST(CtlProgram, ExitsWithTheCodesScriptsRelyOn) {
    FakeDaemon daemon([](Peer& peer) {
        const std::string vm = json::parse(peer.read_message())["parameters"].value("vm", "");
        peer.send_message(json{{"error", "io.ivshmemd.Hotplug." + vm}}.dump());
    });
    const std::vector<std::pair<std::string, int>> rows{
        {"NoFreeSlot", 1}, {"BadName", 2},  {"NoSuchVm", 3},  {"VmUnavailable", 5},
        {"SlotInUse", 6},  {"TimedOut", 7}, {"QemuError", 8}, {"ConfigUnsupported", 9}};
    for (const auto& [error, code] : rows) {
        const RunResult result = run_program({"--json", "probe", error}, daemon.path());
        EXPECT_EQ(result.exit_code, code) << error;
        EXPECT_EQ(json::parse(result.out)["error"], error);
        EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
    }
    EXPECT_EQ(run_program({"--json=yaml", "vms"}, daemon.path()).exit_code, 2);
    EXPECT_EQ(run_program({"--version"}, "").out, "ivshmemctl " IVSHMEMD_VERSION "\n");
}

TEST(CtlProgram, SaysWhenItsOutputIsLost) {
    FakeDaemon daemon(subscription());
    const RunResult result = ivshmemd::test::run(
        {{"sh", "-c", "\"$0\" --socket \"$1\" events >/dev/full", program, daemon.path()}});
    EXPECT_EQ(result.exit_code, 1);
    EXPECT_EQ(result.err, "ivshmemctl: cannot write the output\n");
}

}  // namespace
}  // namespace ivshmemd::ctl::test
