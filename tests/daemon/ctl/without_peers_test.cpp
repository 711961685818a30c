#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <map>

#include "daemon/ctl/client.h"
#include "daemon/ctl/work.h"
#include "tests/daemon/ctl/captured.h"
#include "tests/daemon/ctl/fake_daemon.h"
#include "tests/support/temp_dir.h"
#include "tests/support/variable.h"

namespace ivshmemd::ctl::test {
namespace {

using ivshmemd::test::TempDir;
using ivshmemd::test::Variable;
using ::testing::HasSubstr;

// What a daemon answers to Hold and Release, and what it was asked on one connection.
struct Holder {
    std::string hold = R"({"parameters": {"detached": [], "uuid": "0"}})";
    std::string release = R"({"parameters": {"result": "back", "out": []}})";
    std::vector<json> calls{};

    void operator()(Peer& peer) {
        // What is sent to this process is for the program, which would be alone in it.
        sigset_t all;
        sigfillset(&all);
        pthread_sigmask(SIG_BLOCK, &all, nullptr);
        for (const std::string* reply : {&hold, &release}) {
            const std::string call = peer.read_message();
            if (call.empty()) return;
            calls.push_back(json::parse(call));
            if (reply->empty()) return;
            peer.send_message(*reply);
        }
        peer.wait_for_close();
    }
};

Outcome run_without_peers(Holder& holder, std::vector<std::string> arguments) {
    FakeDaemon daemon([&holder](Peer& peer) { holder(peer); });
    arguments.insert(arguments.begin(), "without-peers");
    return run_with(arguments, call_daemon, daemon.path());
}

TEST(CtlWithoutPeers, RunsTheCommandBetweenHoldAndReleaseOnOneConnection) {
    Holder holder;
    const Outcome outcome = run_without_peers(
        holder, {"--masters", "--timeout", "2", "web", "--", "sh", "-c", "exit 3"});
    EXPECT_EQ(outcome.code, 3) << outcome.err;
    EXPECT_EQ(outcome.out + outcome.err, "");
    ASSERT_EQ(holder.calls.size(), 2u);
    EXPECT_EQ(holder.calls[0]["method"], "io.ivshmemd.Hotplug.Hold");
    EXPECT_EQ(holder.calls[0]["more"], true);
    EXPECT_EQ(holder.calls[0]["parameters"],
              json({{"vm", "web"}, {"masters", true}, {"timeoutMs", 2000}}));
    EXPECT_EQ(holder.calls[1]["method"], "io.ivshmemd.Hotplug.Release");
    EXPECT_EQ(holder.calls[1]["parameters"], json({{"vm", "web"}}));
}

// Words that look like ours, or like a list, belong to the command.
TEST(CtlWithoutPeers, PassesTheCommandsWordsOnAsTheyAre) {
    Holder holder;
    const char* test = "[ \"$*\" = 'list --json --timeout -x [a,b] ' ]";
    const Outcome outcome = run_without_peers(holder, {"web", "--", "sh", "-c", test, "sh", "list",
                                                       "--json", "--timeout", "-x", "[a,b]", ""});
    EXPECT_EQ(outcome.code, 0) << outcome.err;
}

TEST(CtlWithoutPeers, TellsWhatToMindAndRunsTheCommand) {
    Holder holder;
    holder.hold = R"({"parameters": {"detached": [], "uuid": "0", "warnings": [
        {"severity": "warns", "source": "ivshmemd", "text": "QEMU can die"},
        {"severity": "warns", "source": "ivshmemd", "device": "m", "text": "it splits"}]}})";
    const Outcome outcome = run_without_peers(holder, {"web", "--", "sh", "-c", "exit 3"});
    EXPECT_EQ(outcome.code, 3);
    EXPECT_THAT(outcome.err, HasSubstr("warning: QEMU can die\n"));
    EXPECT_THAT(outcome.err, HasSubstr("warning: m: it splits\n"));
}

TEST(CtlWithoutPeers, RunsNothingWhenAPeerStays) {
    Holder holder;
    holder.hold = R"({"error": "io.ivshmemd.Hotplug.TimedOut",
                      "parameters": {"message": "p stays", "outcome": "undone"}})";
    const Outcome outcome = run_without_peers(holder, {"web", "--", "sh", "-c", "exit 3"});
    EXPECT_EQ(outcome.code, 7);
    EXPECT_THAT(outcome.err, HasSubstr("p stays"));
    EXPECT_EQ(holder.calls.size(), 1u);
}

TEST(CtlWithoutPeers, RunsNothingWithoutADaemon) {
    const Outcome outcome =
        run_with({"without-peers", "web", "--", "sh", "-c", "exit 3"}, call_daemon, "/nowhere");
    EXPECT_EQ(outcome.code, 5);
}

TEST(CtlWithoutPeers, BeginsNothingForACommandThatCannotBeRunAndExitsAsAShell) {
    const TempDir dir;
    std::ofstream(dir / "text") << "no program";
    Holder holder;
    const Outcome outcome = run_without_peers(holder, {"web", "--", "/no/such/program"});
    EXPECT_EQ(outcome.code, 127);
    EXPECT_THAT(outcome.err, HasSubstr("cannot run /no/such/program: No such file"));
    EXPECT_THAT(outcome.err, HasSubstr("nothing was begun"));
    for (const auto& [program, code] : std::map<std::string, int>{{"no-such-program", 127},
                                                                  {"", 127},
                                                                  {dir / "text" / "x", 127},
                                                                  {"/", 126},
                                                                  {dir / "text", 126}}) {
        EXPECT_EQ(run_without_peers(holder, {"web", "--", program}).code, code) << program;
    }
    EXPECT_TRUE(holder.calls.empty());
}

TEST(CtlWithoutPeers, LooksForTheCommandInThePathAsAShell) {
    const TempDir dir;
    std::filesystem::create_directories(dir / "first");
    std::ofstream(dir / "first" / "tool") << "not to be run";
    std::ofstream(dir / "tool") << "#!/bin/sh\nexit 9\n";
    const std::string first = dir / "first";
    const std::string second = std::string(dir / "nowhere") + ":" + std::string(dir.path());
    Holder holder;
    {
        const Variable path("PATH", first);
        EXPECT_EQ(run_without_peers(holder, {"web", "--", "tool"}).code, 126);
    }
    std::filesystem::permissions(dir / "tool", std::filesystem::perms::owner_all);
    const Variable path("PATH", first + ":" + second);
    EXPECT_TRUE(holder.calls.empty());
    EXPECT_EQ(run_without_peers(holder, {"web", "--", "tool"}).code, 9);
}

// There when it is looked for, and yet nothing to be run.
TEST(CtlWithoutPeers, ReleasesWhatItTookOutForACommandThatFailsToStart) {
    const TempDir dir;
    std::ofstream(dir / "script") << "#!/no/such/interpreter\n";
    std::filesystem::permissions(dir / "script", std::filesystem::perms::owner_all);
    Holder holder;
    const Outcome outcome = run_without_peers(holder, {"web", "--", dir / "script"});
    EXPECT_EQ(outcome.code, 127) << outcome.err;
    EXPECT_EQ(holder.calls.size(), 2u);
}

TEST(CtlWithoutPeers, CountsACommandThatASignalEndedAsAShell) {
    Holder holder;
    EXPECT_EQ(run_without_peers(holder, {"web", "--", "sh", "-c", "kill -KILL $$"}).code, 137);
    EXPECT_EQ(holder.calls.size(), 2u);
}

// It says what it got, and that is known before the signal is sent.
TEST(CtlWithoutPeers, PassesRequestsToEndOnToTheCommand) {
    for (const auto& [signal, code] : {std::pair{SIGTERM, 15}, {SIGINT, 2}, {SIGHUP, 1}}) {
        Holder holder;
        const std::string script =
            "trap 'exit 15' TERM; trap 'exit 2' INT; trap 'exit 1' HUP;"
            "kill -" +
            std::to_string(signal) + " $PPID; while :; do sleep 0.01; done";
        const Outcome outcome = run_without_peers(holder, {"web", "--", "sh", "-c", script});
        EXPECT_EQ(outcome.code, code) << outcome.err;
        EXPECT_EQ(holder.calls.size(), 2u);
    }
}

TEST(CtlWithoutPeers, KeepsTheCommandsExitCodeAndTellsWhatIsStillOut) {
    Holder holder;
    holder.release = R"({"parameters": {"result": "left", "out": [{"name": "p"}]}})";
    Outcome outcome = run_without_peers(holder, {"web", "--", "true"});
    EXPECT_EQ(outcome.code, 0);
    EXPECT_THAT(outcome.err, HasSubstr("VM web has left without p"));
    EXPECT_THAT(outcome.err, HasSubstr("replug"));
    holder.calls.clear();
    holder.release = R"({"parameters": {"result": "partly", "out": [{"name": "p"}],
                         "message": "p: no slot"}})";
    outcome = run_without_peers(holder, {"web", "--", "false"});
    EXPECT_EQ(outcome.code, 1);
    EXPECT_THAT(outcome.err, HasSubstr("p: no slot"));
    EXPECT_THAT(outcome.err, HasSubstr("'ivshmemctl replug web' tries again"));
}

TEST(CtlWithoutPeers, TellsWhenTheDaemonGoes) {
    Holder holder;
    holder.release = "";
    const Outcome outcome = run_without_peers(holder, {"web", "--", "sh", "-c", "exit 4"});
    EXPECT_EQ(outcome.code, 4);
    EXPECT_THAT(outcome.err, HasSubstr("closed the connection"));
}

TEST(CtlWithoutPeers, WantsACommand) {
    EXPECT_EQ(run_with({"without-peers", "web"}, call_daemon).code, 2);
    EXPECT_EQ(run_with({"without-peers", "web", "--"}, call_daemon).code, 2);
    EXPECT_EQ(run_with({"without-peers", "--timeout", "x", "web", "--", "a"}, call_daemon).code, 2);
    const Outcome outcome = run_with({"without-peers", "web", "true"}, call_daemon);
    EXPECT_EQ(outcome.code, 2);
    EXPECT_THAT(outcome.err, HasSubstr("put -- before the command"));
}

TEST(CtlList, TellsBesideTheTableWhatIsOutAndHowItComesBack) {
    Recorder recorder;
    recorder.answer = reply_of(R"({"devices": [], "holds": [
        {"vm": "db", "phase": "held", "devices": ["p", "q"], "text": "a client has them out"},
        {"vm": "web", "phase": "out", "devices": ["r"], "text": "it left",
         "mend": "ivshmemctl replug web", "forget": "ivshmemctl replug web --forget"},
        {"vm": "x", "phase": "returning", "devices": ["s"], "text": "back when it has left",
         "forget": "ivshmemctl replug x --forget"}]})");
    const Outcome outcome = run_with({"list"}, recorder.caller());
    EXPECT_EQ(outcome.out, "");
    EXPECT_EQ(outcome.err,
              "ivshmemctl: VM db: p, q out: a client has them out\n"
              "ivshmemctl: VM web: r out: it left; 'ivshmemctl replug web' plugs in again, "
              "'ivshmemctl replug web --forget' gives up\n"
              "ivshmemctl: VM x: s out: back when it has left; 'ivshmemctl replug x --forget' "
              "gives up\n");
}

}  // namespace
}  // namespace ivshmemd::ctl::test
