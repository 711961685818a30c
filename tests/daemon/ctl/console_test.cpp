#include "daemon/ctl/console.h"

#include <gtest/gtest.h>

namespace ivshmemd::ctl {
namespace {

TEST(CtlConsole, EscapesWhatSteersATerminal) {
    EXPECT_EQ(printable("plain text, \xc3\xa4 and \xf0\x9f\x99\x82"),
              "plain text, \xc3\xa4 and \xf0\x9f\x99\x82");
    EXPECT_EQ(printable("a\x1b[31m\r\n\tb\x7f"), "a\\x1b[31m\\x0d\\n\\tb\\x7f");
    EXPECT_EQ(printable("\xc2\x9b"), "\\x9b");        // CSI as a C1 control
    EXPECT_EQ(printable("\xe2\x80\xae"), "\\u202e");  // right-to-left override
    EXPECT_EQ(printable("\xe2\x81\xa6"), "\\u2066");  // isolate
    EXPECT_EQ(printable(std::string_view("\0x", 2)), "\\x00x");
}

TEST(CtlConsole, EscapesBytesThatAreNoText) {
    EXPECT_EQ(printable("\xff\xfe"), "\\xff\\xfe");
    EXPECT_EQ(printable("\xe2\x80"), "\\xe2\\x80");
    EXPECT_EQ(printable("\xc3"), "\\xc3");
    EXPECT_EQ(printable("\xc3q"), "\\xc3q");
}

TEST(CtlConsole, CountsColumnsNotBytes) {
    EXPECT_EQ(text_width("abc"), 3U);
    EXPECT_EQ(text_width("\xc3\xa4"), 1U);
    EXPECT_EQ(text_width(""), 0U);
    EXPECT_EQ(text_width("\xe6\x97\xa5"), 2U);  // a wide character
    EXPECT_EQ(text_width("e\xcc\x81"), 1U);     // a combining accent
    EXPECT_EQ(text_width("\xff\xff"), 2U);      // as printable() would never leave it
}

TEST(CtlConsole, CutsAtColumns) {
    EXPECT_EQ(fitting("abc", 2), "ab");
    EXPECT_EQ(fitting("abc", 9), "abc");
    EXPECT_EQ(fitting("\xe6\x97\xa5\xe6\x9c\xac", 3), "\xe6\x97\xa5");
    EXPECT_EQ(fitting("\xe6\x97\xa5", 1), "");
}

TEST(CtlConsole, KeepsEscapesFromWhatDoesNotObeyThem) {
    EXPECT_TRUE(obeys_escapes(true, "xterm"));
    EXPECT_FALSE(obeys_escapes(true, "dumb"));
    EXPECT_FALSE(obeys_escapes(true, nullptr));
    EXPECT_FALSE(obeys_escapes(false, "xterm"));
}

TEST(CtlConsole, HonoursNoColorWhenItIsNotEmpty) {
    EXPECT_TRUE(colour_allowed(nullptr));
    EXPECT_TRUE(colour_allowed(""));
    EXPECT_FALSE(colour_allowed("1"));
}

}  // namespace
}  // namespace ivshmemd::ctl
