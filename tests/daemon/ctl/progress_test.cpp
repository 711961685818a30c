#include "daemon/ctl/progress.h"

#include <gtest/gtest.h>

#include "tests/daemon/ctl/captured.h"

namespace ivshmemd::ctl::test {
namespace {

using std::chrono::milliseconds;

const Progress::TimePoint start{};

struct TerminalProgress : testing::Test {
    Captured captured;
    TerminalProgress() { captured.console.err_rewritable = true; }
};

TEST_F(TerminalProgress, StaysQuietFor300Milliseconds) {
    {
        Progress progress(captured.console, "waiting", start);
        progress.draw(start + milliseconds(299));
    }
    EXPECT_EQ(captured.err.str(), "");
}

TEST_F(TerminalProgress, RewritesItsLineAndErasesIt) {
    {
        Progress progress(captured.console, "waiting", start);
        progress.draw(start + milliseconds(300));
        progress.set_text("still\nwaiting");
        progress.draw(start + milliseconds(2500));
    }
    EXPECT_EQ(captured.err.str(), "\r\x1b[K| waiting (0 s)\r\x1b[K/ still\\nwaiting (2 s)\r\x1b[K");
}

TEST_F(TerminalProgress, ShortensALineThatWouldWrap) {
    captured.console.err_width = 20;
    Progress progress(captured.console, "a\xc3\xa4" + std::string(50, 'b'), start);
    progress.draw(start + milliseconds(300));
    EXPECT_EQ(captured.err.str(),
              "\r\x1b[K| a\xc3\xa4"
              "bbbbbb... (0 s)");
}

TEST(CtlProgress, IsNotDrawnUnlessOnATerminal) {
    Captured captured;
    Progress progress(captured.console, "waiting", start);
    progress.draw(start + milliseconds(5000));
    EXPECT_EQ(captured.err.str(), "");
}

}  // namespace
}  // namespace ivshmemd::ctl::test
