#include "daemon/base/notify.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>

#include "tests/daemon/loop.h"
#include "tests/support/notify_socket.h"
#include "tests/support/temp_dir.h"
#include "tests/support/variable.h"

namespace ivshmemd::test {
namespace {

using namespace std::chrono_literals;

/// A service manager that takes nothing until it is asked to.
class BusyManager : public ::testing::Test {
  protected:
    void SetUp() override {
        ::alarm(60);  // ends a test that waits after all
        loop_.own_time([] { return true; });
        while (tell_manager("FILLER=1")) {
        }
    }
    void TearDown() override { ::alarm(0); }

    std::ptrdiff_t count(const std::string& line) {
        manager_.stored();  // takes in what is there
        const auto& lines = manager_.lines();
        return std::count(lines.begin(), lines.end(), line);
    }

    TempDir directory_;
    NotifySocket manager_{directory_ / "notify"};
    Variable address_{"NOTIFY_SOCKET", manager_.path()};
    Loop loop_;
    ManagerPost post_{loop_.executor()};
};

TEST_F(BusyManager, GetsInTheirOrderAllThatIsPosted) {
    post_.post("READY=1");
    post_.post("FDSTOREREMOVE=1\nFDNAME=a");
    EXPECT_EQ(count("READY=1"), 0);
    ASSERT_TRUE(loop_.run_until([this] { return count("FDNAME=a") == 1; }));
    const auto& lines = manager_.lines();
    const auto ready = std::find(lines.begin(), lines.end(), "READY=1");
    EXPECT_LT(ready, std::find(lines.begin(), lines.end(), "FDNAME=a"));
}

TEST_F(BusyManager, KeepsADescriptorThatItTakesLate) {
    const auto delivered = loop_.start(
        post_.deliver("FDSTORE=1\nFDNAME=kept", STDERR_FILENO, SteadyClock::now() + 60s));
    EXPECT_FALSE(delivered->done);
    ASSERT_TRUE(loop_.run_until([this] { return manager_.stored().contains("kept"); }));
    ASSERT_TRUE(loop_.run_until([&] { return delivered->done; }));
    EXPECT_TRUE(delivered->take());
}

TEST_F(BusyManager, NeverGetsWhatWasGivenUp) {
    EXPECT_FALSE(loop_.run(
        post_.deliver("FDSTORE=1\nFDNAME=lost", STDERR_FILENO, SteadyClock::now() + 10ms)));
    post_.post("AFTER=1");
    ASSERT_TRUE(loop_.run_until([this] { return count("AFTER=1") == 1; }));
    EXPECT_EQ(count("FDNAME=lost"), 0);
    EXPECT_TRUE(loop_.run_out()) << "something waits";
}

TEST_F(BusyManager, HoldsNobodyUpThatEnds) {
    post_.post("READY=1");
    post_.stop();
    EXPECT_TRUE(loop_.run_out()) << "the program could not end";
}

TEST_F(BusyManager, IsShownTheLatestStatus) {
    int number = 0;
    ManagerStatus status(loop_.executor(), [&] { return std::to_string(number); });
    status.touch();  // lost
    number = 1;
    status.touch();
    ASSERT_TRUE(loop_.run_until([this] { return count("STATUS=1") == 1; }));
    EXPECT_EQ(count("STATUS=0"), 0);
}

TEST(Manager, IsToldAStatusOnceASecondAndOnlyAnotherOne) {
    const TempDir directory;
    NotifySocket manager(directory / "notify");
    const Variable address("NOTIFY_SOCKET", manager.path());
    Loop loop;
    loop.own_time([] { return true; });
    int number = 0;
    int looked = 0;
    ManagerStatus status(loop.executor(), [&] {
        ++looked;
        return std::to_string(number);
    });
    const auto begin = SteadyClock::now();
    for (number = 1; number <= 1000; ++number) status.touch();
    ASSERT_TRUE(manager.wait_line("STATUS=1", soon())) << "the first at once";
    ASSERT_TRUE(loop.run_until([&] { return looked == 2; }));
    EXPECT_GE(SteadyClock::now() - begin, 1s);
    status.touch();
    ASSERT_TRUE(loop.run_until([&] { return looked == 3; }));
    manager.stored();
    EXPECT_EQ(manager.lines(), (std::vector<std::string>{"STATUS=1", "STATUS=1001"}));
    status.say("not reloaded");
    EXPECT_TRUE(manager.wait_line("STATUS=not reloaded", soon()));
    status.stop();
    status.touch();
    EXPECT_TRUE(loop.run_out());
    EXPECT_EQ(looked, 3);
}

TEST(Manager, ThatIsNotThereTakesEverything) {
    Loop loop;
    ManagerPost post(loop.executor());
    EXPECT_TRUE(tell_manager("WATCHDOG=1"));
    post.post("READY=1");
    EXPECT_TRUE(loop.run(post.deliver("FDSTORE=1", STDERR_FILENO, SteadyClock::now())));
}

}  // namespace
}  // namespace ivshmemd::test
