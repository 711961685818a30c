#include "tests/support/process.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <systemd/sd-daemon.h>

#include "tests/support/notify_socket.h"
#include "tests/support/temp_dir.h"
#include "tests/support/unix_socket.h"

namespace ivshmemd::test {
namespace {

constexpr const char* shell = "/bin/sh";

TEST(Process, GivesInputEnvironmentStreamsAndExitCode) {
    const RunResult result =
        run({{shell, "-c", "cat; echo $WHO; echo bad >&2; exit 3"}, {{"WHO", "me"}}, "given\n"});
    EXPECT_EQ(result.exit_code, 3);
    EXPECT_EQ(result.out, "given\nme\n");
    EXPECT_EQ(result.err, "bad\n");
    EXPECT_FALSE(result.timed_out);
}

TEST(Process, KillsAtTheDeadline) {
    const RunResult result =
        run({{"sleep", "100"}}, Deadline::after(std::chrono::milliseconds(20)));
    EXPECT_TRUE(result.timed_out);
    EXPECT_EQ(result.exit_code, 128 + SIGKILL);
}

TEST(Process, ReportsTheSignalThatEndedAChild) {
    Child child({{"sleep", "100"}});
    EXPECT_TRUE(child.alive());
    child.signal(SIGTERM);
    EXPECT_EQ(child.wait_exit(soon()), 128 + SIGTERM);
    EXPECT_FALSE(child.alive());
}

TEST(Process, WaitsForOutputOfAChildThatGoesOn) {
    Child child({{shell, "-c", "echo ready; exec sleep 100"}});
    EXPECT_TRUE(child.wait_out("ready\n", soon()));
    EXPECT_TRUE(child.alive());
}

TEST(Process, StopsWaitingForOutputWhenTheChildEnds) {
    Child child({{shell, "-c", "echo other"}});
    EXPECT_FALSE(child.wait_out("ready", soon()));
}

TEST(Process, UnknownProgramFails) {
    EXPECT_EQ(run({{"/no/such/program"}}).exit_code, 127);
}

TEST(NotifySocket, SeesWhatASystemdServiceSends) {
    const TempDir dir;
    NotifySocket notify(dir / "n");
    EXPECT_FALSE(notify.wait_ready(Deadline::after(std::chrono::milliseconds(10))));
    ::setenv("NOTIFY_SOCKET", notify.path().c_str(), 1);
    auto [mine, theirs] = socket_pair();
    const int passed = theirs.get();
    EXPECT_GT(::sd_pid_notify_with_fds(0, 0, "READY=1\nSTATUS=two VMs", &passed, 1), 0);
    theirs.reset();
    EXPECT_TRUE(notify.wait_ready(soon()));
    EXPECT_TRUE(notify.wait_line("STATUS=two", soon()));
    EXPECT_TRUE(receive(mine.get(), soon())->bytes.empty()) << "the passed end is closed";
    ::unsetenv("NOTIFY_SOCKET");
}

TEST(NotifySocket, KeepsDescriptorsUntilTheyAreDiscarded) {
    const TempDir dir;
    NotifySocket notify(dir / "n");
    ::setenv("NOTIFY_SOCKET", notify.path().c_str(), 1);
    auto [mine, theirs] = socket_pair();
    const int passed = theirs.get();
    EXPECT_GT(::sd_pid_notify_with_fds(0, 0, "FDSTORE=1\nFDNAME=kept", &passed, 1), 0);
    theirs.reset();
    ASSERT_EQ(notify.stored().size(), 1u);
    send_all(notify.stored().at("kept").get(), "x", soon());
    EXPECT_EQ(receive(mine.get(), soon())->bytes, "x");
    EXPECT_GT(::sd_notify(0, "FDSTOREREMOVE=1\nFDNAME=kept"), 0);
    EXPECT_TRUE(notify.stored().empty());
    EXPECT_EQ(receive(mine.get(), soon())->bytes, "");
    ::unsetenv("NOTIFY_SOCKET");
}

}  // namespace
}  // namespace ivshmemd::test
