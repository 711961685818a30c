#include "daemon/base/scope.h"

#include <gtest/gtest.h>

#include <boost/asio/post.hpp>

#include "tests/daemon/loop.h"

namespace ivshmemd::test {
namespace {

constexpr auto for_ever = SteadyClock::time_point::max();

class ScopeTest : public ::testing::Test {
  protected:
    awaitable<void> wait_for(Signal& signal) {
        co_await signal.wait_until(for_ever);
        ++ended_;
    }
    static awaitable<void> fail() {
        throw std::runtime_error("planted");
        co_return;
    }

    Loop loop_;
    Signal signal_{loop_.executor()};
    std::vector<std::string> failed_;
    int ended_ = 0;
    Scope scope_{loop_.executor(), [this](const std::string& name) { failed_.push_back(name); }};
};

TEST_F(ScopeTest, HasEndedWhenAllOfItHas) {
    scope_.spawn("one", wait_for(signal_));
    scope_.spawn("two", wait_for(signal_));
    const auto ended = loop_.start(scope_.ended(for_ever));
    loop_.run(scope_.ended(SteadyClock::now()));
    EXPECT_FALSE(ended->done);
    EXPECT_EQ(scope_.running(), 2u);
    signal_.notify_all();
    ASSERT_TRUE(loop_.run_until([&] { return ended->done; }));
    EXPECT_TRUE(ended->take());
    EXPECT_EQ(ended_, 2);
}

TEST_F(ScopeTest, SaysWhenItHasNotEndedInTime) {
    scope_.spawn("one", wait_for(signal_));
    EXPECT_FALSE(loop_.run(scope_.ended(SteadyClock::now())));
    signal_.notify_all();
    EXPECT_TRUE(loop_.run(scope_.ended(for_ever)));
}

TEST_F(ScopeTest, StartsNothingOnceItIsClosed) {
    scope_.close();
    scope_.spawn("late", wait_for(signal_));
    EXPECT_EQ(scope_.running(), 0u);
    EXPECT_TRUE(loop_.run(scope_.ended(for_ever)));
    EXPECT_EQ(ended_, 0);
}

TEST_F(ScopeTest, TellsItsOwnerWhatEscapes) {
    scope_.spawn("bad", fail());
    EXPECT_TRUE(loop_.run(scope_.ended(for_ever)));
    EXPECT_EQ(failed_, std::vector<std::string>{"bad"});
}

TEST_F(ScopeTest, MayGoBeforeItsCoroutines) {
    auto scope = std::make_unique<Scope>(
        loop_.executor(), [this](const std::string& name) { failed_.push_back(name); });
    scope->spawn("bad", fail());
    scope.reset();
    EXPECT_TRUE(loop_.run_out());
    EXPECT_TRUE(failed_.empty());
}

}  // namespace
}  // namespace ivshmemd::test
