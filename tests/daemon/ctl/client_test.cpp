#include "daemon/ctl/client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/daemon/ctl/captured.h"
#include "tests/daemon/ctl/fake_daemon.h"

namespace ivshmemd::ctl::test {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;

/// A script that takes the call and answers with these messages.
FakeDaemon::Script answering(std::vector<std::string> messages) {
    return [messages](Peer& peer) {
        peer.read_message();
        for (const std::string& message : messages) peer.send_message(message);
        peer.wait_for_close();
    };
}

Outcome run_against(const FakeDaemon& daemon, const std::vector<std::string>& arguments) {
    return run_with(arguments, call_daemon, daemon.path());
}

Answer call(const FakeDaemon& daemon, const Wait& wait) {
    return call_daemon(daemon.path(), "a.b.C", {{"vm", "web"}}, wait);
}

TEST(CtlClient, SendsOneCallAndTakesTheReply) {
    std::string received;
    Outcome outcome;
    {
        FakeDaemon daemon([&received](Peer& peer) {
            received = peer.read_message();
            peer.send_message(R"({"parameters":{"vms":[{"name":"web"}]}})");
        });
        outcome = run_against(daemon, {"vms", "--json"});
    }
    EXPECT_EQ(outcome.code, 0);
    EXPECT_EQ(outcome.out, "{\"vms\":[{\"name\":\"web\"}]}\n");
    EXPECT_EQ(json::parse(received)["method"], "io.ivshmemd.Hotplug.ListVms");
    EXPECT_FALSE(json::parse(received).contains("more"));
}

TEST(CtlClient, TakesAReplyWithoutParameters) {
    FakeDaemon daemon(answering({"{}"}));
    EXPECT_EQ(run_against(daemon, {"list", "--json"}).out, "{}\n");
}

TEST(CtlClient, TakesAReplyInPieces) {
    FakeDaemon daemon([](Peer& peer) {
        peer.read_message();
        for (const char byte : std::string(R"({"parameters":{"vms":[]}})")) {
            peer.send_bytes({&byte, 1});
        }
        peer.send_bytes(std::string_view("\0", 1));
    });
    EXPECT_EQ(run_against(daemon, {"vms", "--json"}).out, "{\"vms\":[]}\n");
}

TEST(CtlClient, ReportsAnErrorWithItsExitCode) {
    FakeDaemon daemon(answering({R"({"error":"io.ivshmemd.Hotplug.VmUnavailable",
        "parameters":{"message":"start the VM","vm":"web","state":"prelaunch"}})"}));
    const Outcome outcome = run_against(daemon, {"--json", "probe", "web"});
    const json printed = json::parse(outcome.out);
    EXPECT_EQ(outcome.code, 5);
    EXPECT_EQ(printed["error"], "VmUnavailable");
    EXPECT_EQ(printed["parameters"]["state"], "prelaunch");
    EXPECT_EQ(outcome.err, "ivshmemctl: start the VM\n");
}

TEST(CtlClient, TakesProgressBeforeTheLastReply) {
    std::string received;
    Outcome outcome;
    {
        FakeDaemon daemon([&received](Peer& peer) {
            received = peer.read_message();
            peer.send_message(
                R"({"continues":true,"parameters":{"progress":{"phase":"a","text":"b"}}})");
            peer.send_message(R"({"continues":true,"parameters":{}})");
            peer.send_message(R"({"parameters":{"result":"removed"}})");
        });
        outcome = run_against(daemon, {"detach", "web", "shm0"});
    }
    EXPECT_EQ(outcome.code, 0);
    EXPECT_EQ(outcome.out, "removed\n");
    EXPECT_EQ(json::parse(received)["more"], true);
}

TEST(CtlClient, ExitsWithSevenWhenTheDetachIsPending) {
    FakeDaemon daemon(answering({R"({"parameters":{"result":"pending"}})"}));
    EXPECT_EQ(run_against(daemon, {"detach", "web", "shm0", "--no-wait"}).code, 7);
}

TEST(CtlClient, SaysWhatToCheckWhenTheDaemonGoesAway) {
    FakeDaemon daemon([](Peer& peer) { peer.read_message(); });
    const Outcome outcome = run_against(daemon, {"attach", "web", "shm0", "--json"});
    EXPECT_EQ(outcome.code, 5);
    EXPECT_EQ(json::parse(outcome.out)["error"], "DaemonUnreachable");
    EXPECT_THAT(outcome.err, HasSubstr("ivshmemctl list web"));
}

TEST(CtlClient, TakesTheAnswerOfADaemonThatNeverReadTheCall) {
    FakeDaemon daemon([](Peer& peer) {
        peer.send_message(R"({"error":"org.varlink.service.PermissionDenied"})");
    });
    EXPECT_EQ(run_against(daemon, {"vms"}).code, 4);
}

TEST(CtlClient, RefusesGarbage) {
    for (const char* text : {"", "garbage", "[]", "{\"parameters\":7}", "{\"continues\":true}"}) {
        FakeDaemon daemon(answering({text}));
        const Outcome outcome = run_against(daemon, {"vms", "--json"});
        EXPECT_EQ(outcome.code, 1) << text;
        EXPECT_EQ(json::parse(outcome.out)["error"], "BadReply") << text;
    }
}

TEST(CtlClient, RefusesAReplyWithoutAnEnd) {
    FakeDaemon daemon([](Peer& peer) {
        peer.read_message();
        peer.send_bytes(std::string(std::size_t{17} << 20U, ' '));
        peer.wait_for_close();
    });
    EXPECT_EQ(run_against(daemon, {"vms"}).code, 1);
}

TEST(CtlClient, ReportsThatNoDaemonIsThere) {
    const std::vector<std::string> paths{"/nonexistent/socket", "", "/dev/null",
                                         std::string(200, 'x')};
    for (const std::string& path : paths) {
        const Outcome outcome = run_with({"vms", "--json"}, call_daemon, path);
        const json printed = json::parse(outcome.out);
        EXPECT_EQ(outcome.code, 5) << path;
        EXPECT_EQ(printed["error"], "DaemonUnreachable");
        EXPECT_THAT(outcome.err, HasSubstr("cannot reach the daemon at " + path + ":"));
    }
}

TEST(CtlClient, GivesUpAtTheDeadlineAndTicksUntilThen) {
    FakeDaemon daemon([](Peer& peer) { peer.wait_for_close(); });
    int ticks = 0;
    Wait wait;
    wait.deadline = milliseconds(250);
    wait.changes_something = true;
    wait.tick = [&ticks] { ++ticks; };
    const Answer answer = call(daemon, wait);
    EXPECT_EQ(answer.error, "TimedOut");
    EXPECT_EQ(answer.exit_code, 7);
    EXPECT_EQ((*answer.parameters)["outcome"], "unknown");
    EXPECT_GE(ticks, 1);
}

TEST(CtlClient, StopsAtTheDeadlineHoweverMuchProgressComes) {
    FakeDaemon daemon([](Peer& peer) {
        peer.read_message();
        while (peer.send_message(R"({"continues":true,"parameters":{"progress":null}})")) {
        }
    });
    Wait wait;
    wait.deadline = milliseconds(50);
    wait.more = true;
    EXPECT_EQ(call(daemon, wait).error, "TimedOut");
}

TEST(CtlClient, StopsWaitingWhenInterrupted) {
    std::array<int, 2> interrupt{};
    ASSERT_EQ(pipe(interrupt.data()), 0);
    Answer answer;
    {
        FakeDaemon daemon([&interrupt](Peer& peer) {
            peer.read_message();
            EXPECT_EQ(write(interrupt[1], "x", 1), 1);
            peer.wait_for_close();
        });
        Wait wait;
        wait.changes_something = true;
        wait.interrupt = interrupt[0];
        answer = call(daemon, wait);
    }
    EXPECT_EQ(answer.exit_code, 130);
    EXPECT_EQ(answer.message,
              "stopped waiting; the daemon carries on; see 'ivshmemctl list web', or 'ivshmemctl "
              "events web'");
    close(interrupt[0]);
    close(interrupt[1]);
}

TEST(CtlClient, WaitsForRoomInTheBacklogUntilInterrupted) {
    // A listener nobody accepts on: its backlog of 0 takes one connection.
    char name[] = "/tmp/ctl-test-XXXXXX";
    const std::string directory = mkdtemp(name);
    const std::string path = directory + "/socket";
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    const int listener = socket(AF_UNIX, SOCK_STREAM, 0);
    ASSERT_EQ(bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    ASSERT_EQ(listen(listener, 0), 0);
    const int first = socket(AF_UNIX, SOCK_STREAM, 0);
    ASSERT_EQ(connect(first, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    std::array<int, 2> interrupt{};
    ASSERT_EQ(pipe(interrupt.data()), 0);
    ASSERT_EQ(write(interrupt[1], "x", 1), 1);
    Wait wait;
    wait.interrupt = interrupt[0];
    EXPECT_EQ(call_daemon(path, "a.b.C", json::object(), wait).exit_code, 130);
    for (const int fd : {interrupt[0], interrupt[1], first, listener}) close(fd);
    unlink(path.c_str());
    rmdir(directory.c_str());
}

}  // namespace
}  // namespace ivshmemd::ctl::test
