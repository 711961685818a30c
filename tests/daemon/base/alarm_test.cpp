#include "daemon/base/alarm.h"

#include <gtest/gtest.h>

#include <optional>
#include <thread>

#include "tests/daemon/loop.h"

namespace ivshmemd::test {
namespace {

using namespace std::chrono_literals;

class AlarmTest : public ::testing::Test {
  protected:
    Alarm after(Milliseconds time, std::function<void()> ring) {
        return Alarm(loop_.executor(), SteadyClock::now() + time, std::move(ring));
    }

    Loop loop_;
    int rung_ = 0;
};

TEST_F(AlarmTest, RingsOnceAtItsTime) {
    const auto begin = SteadyClock::now();
    const Alarm alarm = after(20ms, [this] { ++rung_; });
    ASSERT_TRUE(loop_.run_until([this] { return rung_ > 0; }));
    EXPECT_GE(SteadyClock::now() - begin, 20ms);
    EXPECT_TRUE(loop_.run_out());
    EXPECT_EQ(rung_, 1);
}

TEST_F(AlarmTest, IsSilentOnceItIsLetGoOf) {
    {
        const Alarm alarm = after(1ms, [this] { ++rung_; });
    }
    Alarm other = after(1ms, [this] { ++rung_; });
    other = Alarm();
    std::this_thread::sleep_for(5ms);
    EXPECT_TRUE(loop_.run_out());
    EXPECT_EQ(rung_, 0);
}

// Both are due when the loop turns again, so that the second one's completion is queued already
// when the first one lets go of it.
TEST_F(AlarmTest, IsSilentAlthoughItsCompletionIsQueued) {
    std::optional<Alarm> late;
    const Alarm early = after(1ms, [&late] { late.reset(); });
    late = after(2ms, [this] { ++rung_; });
    std::this_thread::sleep_for(10ms);
    EXPECT_TRUE(loop_.run_out());
    EXPECT_EQ(rung_, 0);
}

TEST_F(AlarmTest, MayBeReplacedByItsOwnRing) {
    Alarm alarm;
    std::function<void()> ring;
    ring = [&] {
        if (++rung_ < 3) alarm = after(1ms, [&ring] { ring(); });
    };
    alarm = after(1ms, [&ring] { ring(); });
    EXPECT_TRUE(loop_.run_until([this] { return rung_ == 3; }));
}

}  // namespace
}  // namespace ivshmemd::test
