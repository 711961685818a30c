#include "daemon/base/watchdog.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <thread>

#include "tests/daemon/loop.h"
#include "tests/support/notify_socket.h"
#include "tests/support/temp_dir.h"
#include "tests/support/variable.h"

namespace ivshmemd::test {
namespace {

using namespace std::chrono_literals;

class WatchdogFeeding : public ::testing::Test {
  protected:
    std::ptrdiff_t meals() {
        manager_.stored();  // takes in what is there
        const auto& lines = manager_.lines();
        return std::count(lines.begin(), lines.end(), "WATCHDOG=1");
    }

    TempDir directory_;
    NotifySocket manager_{directory_ / "notify"};
    Variable address_{"NOTIFY_SOCKET", manager_.path()};
    Loop loop_;
    Watchdog watchdog_{loop_.executor()};
};

TEST_F(WatchdogFeeding, GoesOnTwiceInItsTimeWhileTheLoopTurns) {
    const Variable patience("WATCHDOG_USEC", "100000");
    const auto begin = SteadyClock::now();
    watchdog_.start();
    EXPECT_TRUE(loop_.run_until([this] { return meals() >= 5; }));
    EXPECT_GE(SteadyClock::now() - begin, 4 * 50ms);
    watchdog_.stop();
}

TEST_F(WatchdogFeeding, CeasesWhenTheLoopIsStuck) {
    const Variable patience("WATCHDOG_USEC", "20000");
    watchdog_.start();
    ASSERT_TRUE(loop_.run_until([this] { return meals() >= 2; }));
    const auto before = meals();
    std::this_thread::sleep_for(200ms);  // what a blocked handler does to the loop
    EXPECT_EQ(meals(), before);
    EXPECT_TRUE(loop_.run_until([&] { return meals() > before; }));
    watchdog_.stop();
}

TEST_F(WatchdogFeeding, NeverWakesTheLoopWhereNobodyAsks) {
    watchdog_.start();
    EXPECT_TRUE(loop_.run_out(Deadline::after(1s))) << "something waits";
    EXPECT_EQ(meals(), 0);
}

TEST_F(WatchdogFeeding, IsNotForAProcessThatWasNotMeant) {
    const Variable patience("WATCHDOG_USEC", "20000");
    const Variable meant("WATCHDOG_PID", std::to_string(::getppid()));
    watchdog_.start();
    EXPECT_TRUE(loop_.run_out(Deadline::after(1s))) << "something waits";
    EXPECT_EQ(meals(), 0);
}

TEST_F(WatchdogFeeding, EndsWhenStopped) {
    const Variable patience("WATCHDOG_USEC", "20000");
    watchdog_.start();
    ASSERT_TRUE(loop_.run_until([this] { return meals() >= 2; }));
    watchdog_.stop();
    EXPECT_TRUE(loop_.run_out()) << "the daemon could not end";
}

}  // namespace
}  // namespace ivshmemd::test
