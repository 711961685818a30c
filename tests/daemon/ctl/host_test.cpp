// -H and bridge: the program on both sides, with a program in the place of ssh.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "daemon/ctl/client.h"
#include "daemon/ctl/host_name.h"
#include "tests/daemon/ctl/captured.h"
#include "tests/daemon/ctl/fake_daemon.h"
#include "tests/daemon/ctl/fake_ssh.h"
#include "tests/support/terminal.h"

namespace ivshmemd::ctl::test {
namespace {

using testing::HasSubstr;

TEST(CtlHostName, IsAPlainNameOrAddress) {
    for (const auto& [given, taken] : std::vector<std::pair<std::string, std::string>>{
             {"host2", "host2"},
             {"root@host2.example.org", "root@host2.example.org"},
             {"my_user-1@10.0.0.7", "my_user-1@10.0.0.7"},
             {"::1", "::1"},
             {"root@[fe80::1]", "root@fe80::1"}}) {
        const Result<std::string> host = parse_host(given);
        ASSERT_TRUE(host) << given;
        EXPECT_EQ(*host, taken);
    }
}

TEST(CtlHostName, IsNothingThatSshOrAShellCouldTakeForMore) {
    const std::string with_nul("::1\0x", 5);
    for (const std::string& each : std::vector<std::string>{"",
                                                            "@",
                                                            "@host",
                                                            "root@",
                                                            "-oProxyCommand=reboot",
                                                            "root@-x",
                                                            "-l@host",
                                                            "a b",
                                                            "a;b",
                                                            "$(id)",
                                                            "`id`",
                                                            "a\nb",
                                                            "a'b",
                                                            "a/b",
                                                            "a@b@c",
                                                            "host:22",
                                                            "[host]",
                                                            "[::1",
                                                            "::1]",
                                                            "..",
                                                            "h%h",
                                                            "a*",
                                                            "ssh://host",
                                                            std::string(300, 'a'),
                                                            with_nul}) {
        EXPECT_FALSE(parse_host(each)) << each;
        const Outcome outcome = run_with({"-H", each, "vms"}, call_daemon);
        EXPECT_EQ(outcome.code, 2) << each;
    }
}

TEST(CtlHost, IsAskedThroughABridgeByAFixedListOfWords) {
    FakeSsh ssh(FakeSsh::bridge);
    FakeDaemon daemon(greeting_first(R"({"parameters":{"vms":[]}})"));
    ssh.there(daemon.path());
    const Outcome outcome =
        run_with({"-H", "root@[::1]", "--json", "vms"}, call_daemon, "/of/this/host");
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_EQ(outcome.out, "{\"vms\":[]}\n");
    // It may ask where the tests run on a terminal.
    EXPECT_THAT(ssh.words(),
                testing::MatchesRegex("-xT (-o BatchMode=yes )?-- root@::1 ivshmemctl bridge\n"));
}

TEST(CtlHost, DoesNotGoWithASocketOfThisHost) {
    EXPECT_EQ(run_with({"-H", "host2", "--socket", "/x", "vms"}, call_daemon).code, 2);
    const Outcome outcome = run_with({"ring", "-H", "host2", "--server", "/x"}, call_daemon);
    EXPECT_EQ(outcome.code, 2);
    EXPECT_THAT(outcome.err, HasSubstr("one of this host"));
}

struct Failure {
    const char* script;
    const char* error;
    int code;
    const char* text;
};

TEST(CtlHost, ThatDoesNotAnswerSaysWhyAndNothingIsBegun) {
    const std::vector<Failure> failures{
        {"echo 'ssh: connect to host host2 port 22: Connection refused' >&2; exit 255",
         "HostUnreachable", 5, "cannot reach host2 with ssh: ssh: connect to host host2 port 22"},
        {"echo 'sh: 1: ivshmemctl: not found' >&2; exit 127", "BridgeMissing", 5,
         "there is no ivshmemctl to run on host2: sh: 1: ivshmemctl: not found"},
        {"echo \"ivshmemctl: unknown command 'bridge'\" >&2; exit 2", "OtherVersion", 5,
         "knows no bridge: unknown command 'bridge'"},
        {"echo 'ivshmemctl: may not talk to the daemon' >&2; exit 4",
         "org.varlink.service.PermissionDenied", 4, "on host2: may not talk to the daemon"},
        {"echo 'ivshmemctl: cannot reach the daemon' >&2; exit 5", "DaemonUnreachable", 5,
         "on host2: cannot reach the daemon"},
        {"exit 77", "HostUnreachable", 5, "with status 77"},
        {"kill -KILL $$", "HostUnreachable", 5, "ended before an answer"},
        {"printf '{\"parameters\":{\"product\":\"x\",\"version\":\"1\"}}\\0'; cat >/dev/null",
         "OtherVersion", 5, "'x 1', has no io.ivshmemd.Hotplug"},
        {"printf 'Welcome!\\0'; cat >/dev/null", "BadReply", 1, "a shell that prints something"},
        {"head -c 200000 /dev/zero >&2; echo late >&2; exit 255", "HostUnreachable", 5, "with ssh"},
    };
    for (const Failure& each : failures) {
        FakeSsh ssh(each.script);
        const Outcome outcome =
            run_with({"-H", "host2", "--json", "attach", "web", "shm0"}, call_daemon);
        EXPECT_EQ(outcome.code, each.code) << each.script << outcome.err;
        EXPECT_THAT(outcome.err, HasSubstr(each.text));
        EXPECT_EQ(json::parse(outcome.out)["error"], each.error) << each.script;
        EXPECT_THAT(outcome.err, Not(HasSubstr("list web"))) << "as if something were begun";
    }
}

TEST(CtlHost, MayAskForAPasswordAtATerminal) {
    const FakeSsh ssh("exit 255");
    ivshmemd::test::Terminal terminal({FakeSsh::program(), "-H", "host2", "vms"});
    EXPECT_EQ(terminal.wait_exit(), 5);
    EXPECT_EQ(ssh.words(), "-xT -- host2 ivshmemctl bridge\n");
}

// It is in the terminal's foreground as well, and what asked through it decides when to end.
TEST(CtlHost, StaysReachableWhenATerminalInterrupts) {
    FakeSsh ssh(std::string("kill -INT $$; kill -HUP $$; kill -QUIT $$; ") + FakeSsh::bridge);
    FakeDaemon daemon(greeting_first(R"({"parameters":{"vms":[]}})"));
    ssh.there(daemon.path());
    EXPECT_EQ(run_with({"-H", "host2", "vms"}, call_daemon).code, 0);
}

TEST(CtlHost, IsUnreachableWithoutAnSsh) {
    const ivshmemd::test::Variable program("IVSHMEMCTL_SSH", "/no/such/ssh");
    const Outcome outcome = run_with({"-H", "host2", "vms"}, call_daemon);
    EXPECT_EQ(outcome.code, 5);
    EXPECT_THAT(outcome.err, HasSubstr("cannot run /no/such/ssh: No such file"));
}

TEST(CtlHost, ThatIsLostLaterSaysWhereToLook) {
    FakeSsh ssh(FakeSsh::bridge);
    FakeDaemon daemon(greeting_first(""));
    ssh.there(daemon.path());
    const Outcome outcome = run_with({"-H", "host2", "attach", "web", "shm0"}, call_daemon);
    EXPECT_EQ(outcome.code, 5);
    EXPECT_THAT(outcome.err, HasSubstr("the connection to host2 was lost"));
    EXPECT_THAT(outcome.err, HasSubstr("see 'ivshmemctl -H host2 list web'"));
}

TEST(CtlHost, HasItsOwnErrors) {
    FakeSsh ssh(FakeSsh::bridge);
    FakeDaemon daemon(greeting_first(R"({"error":"io.ivshmemd.Hotplug.NoSuchVm",
                                         "parameters":{"message":"there is no VM web"}})"));
    ssh.there(daemon.path());
    const Outcome outcome = run_with({"-H", "host2", "probe", "web"}, call_daemon);
    EXPECT_EQ(outcome.code, 3);
    EXPECT_EQ(outcome.err, "ivshmemctl: there is no VM web\n");
}

// The bridge itself, between a socket and what the test has at both of its ends.
class CtlBridge : public testing::Test {
  protected:
    static ivshmemd::test::RunResult bridge(const std::string& socket, const std::string& input) {
        return ivshmemd::test::run({{FakeSsh::program(), "--socket", socket, "bridge"}, {}, input});
    }
};

TEST_F(CtlBridge, PassesOnMoreThanAnyBufferBothWays) {
    std::string request(300'000, 'r');
    std::string received;
    const std::string reply(500'000, 'a');
    ivshmemd::test::RunResult result;
    {
        FakeDaemon daemon([&](Peer& peer) {
            received = peer.read_message();
            peer.send_bytes(reply);
        });
        result = bridge(daemon.path(), request + '\0');
    }
    EXPECT_EQ(result.exit_code, 0) << result.err;
    EXPECT_TRUE(received == request) << received.size();
    EXPECT_TRUE(result.out == reply) << result.out.size();
}

TEST_F(CtlBridge, TellsTheDaemonOfTheEndOfItsInputAndStaysForTheRest) {
    FakeDaemon daemon([](Peer& peer) {
        peer.wait_for_close();
        peer.send_bytes("after the end");
    });
    const auto result = bridge(daemon.path(), "some words");
    EXPECT_EQ(result.exit_code, 0);
    EXPECT_EQ(result.out, "after the end");
}

TEST_F(CtlBridge, EndsWithTheDaemonThoughItsInputIsOpen) {
    FakeDaemon daemon([](Peer& peer) { peer.send_bytes("bye"); });
    const std::string command = "exec 3<>\"$0\"; exec \"$@\" <&3";
    const ivshmemd::test::TempDir directory;
    const std::string fifo = directory / "fifo";
    ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
    const auto result = ivshmemd::test::run(
        {{"sh", "-c", command, fifo, FakeSsh::program(), "--socket", daemon.path(), "bridge"}});
    EXPECT_EQ(result.exit_code, 0);
    EXPECT_FALSE(result.timed_out);
    EXPECT_EQ(result.out, "bye");
}

// As when sshd has gone: the daemon may say nothing for days.
TEST_F(CtlBridge, EndsWhenNobodyReadsItsOutputAnyMore) {
    FakeDaemon daemon([](Peer& peer) {
        peer.send_bytes("x");
        peer.wait_for_close();
    });
    const std::string command = "exec 3<>\"$0\"; \"$@\" <&3 | head -c 1";
    const ivshmemd::test::TempDir directory;
    const std::string fifo = directory / "fifo";
    ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
    const auto result = ivshmemd::test::run(
        {{"sh", "-c", command, fifo, FakeSsh::program(), "--socket", daemon.path(), "bridge"}});
    EXPECT_FALSE(result.timed_out);
    EXPECT_EQ(result.out, "x");
}

TEST_F(CtlBridge, SaysWhatKeepsItFromTheDaemon) {
    const auto result = bridge("/nowhere/at/all", "");
    EXPECT_EQ(result.exit_code, 5);
    EXPECT_THAT(result.err, HasSubstr("cannot reach the daemon at /nowhere/at/all"));
}

}  // namespace
}  // namespace ivshmemd::ctl::test
