#include "daemon/ctl/wrap.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/ctl/table.h"
#include "tests/daemon/ctl/captured.h"

namespace ivshmemd::ctl::test {
namespace {

using testing::ElementsAre;

TEST(CtlWrap, BreaksAtSpacesAndLongWordsAnywhere) {
    EXPECT_THAT(wrapped("", 5), ElementsAre(""));
    EXPECT_THAT(wrapped("no limit at all", 0), ElementsAre("no limit at all"));
    EXPECT_THAT(wrapped("one two three", 7), ElementsAre("one two", "three"));
    EXPECT_THAT(wrapped("one two three", 6), ElementsAre("one", "two", "three"));
    EXPECT_THAT(wrapped("/a/long/path x", 5), ElementsAre("/a/lo", "ng/pa", "th x"));
    EXPECT_THAT(wrapped("日本語", 4), ElementsAre("日本", "語"));
    EXPECT_THAT(wrapped("日本", 1), ElementsAre("日", "本"));
}

std::string printed(std::size_t width) {
    Table table({"VM", "STATE", "ERROR"});
    table.add({{"web"}, {"unreachable"}, {"nothing listens on the socket of its monitor"}});
    table.add({{"db"}, {"connected"}, {""}});
    Captured captured;
    captured.console.out_width = width;
    table.print(captured.console);
    return captured.out.str();
}

TEST(CtlTable, HasOneLineForARowWhereNoWidthIsKnown) {
    EXPECT_EQ(printed(0),
              "VM   STATE        ERROR\n"
              "web  unreachable  nothing listens on the socket of its monitor\n"
              "db   connected    -\n");
    EXPECT_EQ(printed(0), printed(80));
}

TEST(CtlTable, WrapsTheLastColumnOnANarrowTerminal) {
    EXPECT_EQ(printed(40),
              "VM   STATE        ERROR\n"
              "web  unreachable  nothing listens on the\n"
              "                  socket of its monitor\n"
              "db   connected    -\n");
}

TEST(CtlTable, HasParagraphsOnATerminalThatIsNarrowerStill) {
    EXPECT_EQ(printed(30),
              "VM:    web\n"
              "STATE: unreachable\n"
              "ERROR: nothing listens on the\n"
              "       socket of its monitor\n"
              "\n"
              "VM:    db\n"
              "STATE: connected\n");
}

}  // namespace
}  // namespace ivshmemd::ctl::test
