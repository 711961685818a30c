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

TEST_F(TerminalProgress, CountsTheColumnsOfWideCharacters) {
    captured.console.err_width = 15;
    Progress progress(captured.console, "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e!", start);
    progress.draw(start + milliseconds(300));
    EXPECT_EQ(captured.err.str(), "\r\x1b[K| \xe6\x97\xa5... (0 s)");
}

TEST(CtlProgress, IsNotDrawnUnlessOnATerminal) {
    Captured captured;
    Progress progress(captured.console, "waiting", start);
    progress.set_text("still waiting");
    progress.draw(start + milliseconds(5000));
    EXPECT_EQ(captured.err.str(), "");
}

TEST(CtlProgress, IsALinePerStateInALog) {
    Captured captured;
    {
        Progress progress(captured.console, "starting", start, Progress::Plain::lines);
        progress.draw(start + milliseconds(400));  // no state was reported yet
        progress.set_text("waiting\n");
        progress.draw(start + milliseconds(500));
        progress.draw(start + milliseconds(600));
        progress.set_text("waiting\n");
        progress.draw(start + milliseconds(5000));
        progress.set_text("done");
        progress.draw(start + milliseconds(5001));
    }
    EXPECT_EQ(captured.err.str(), "ivshmemctl: waiting\\n\nivshmemctl: done\n");
}

TEST(CtlProgress, SaysOnceInALogWhatALongSilenceIsFor) {
    Captured captured;
    Progress progress(captured.console, "attaching shm0 to web", start, Progress::Plain::lines);
    progress.draw(start + milliseconds(4999));
    EXPECT_EQ(captured.err.str(), "");
    progress.draw(start + milliseconds(5000));
    progress.draw(start + milliseconds(60000));
    EXPECT_EQ(captured.err.str(), "ivshmemctl: attaching shm0 to web\n");
}

TEST(CtlProgress, IsNoLogOfWhatIsQuick) {
    Captured captured;
    Progress progress(captured.console, "starting", start, Progress::Plain::lines);
    progress.set_text("waiting");
    progress.draw(start + milliseconds(299));
    EXPECT_EQ(captured.err.str(), "");
}

}  // namespace
}  // namespace ivshmemd::ctl::test
