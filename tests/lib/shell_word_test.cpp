#include "lib/shell_word.h"

#include <gtest/gtest.h>

namespace ivshmemd {
namespace {

TEST(ShellWord, LeavesPlainPathsAndNamesAsTheyAre) {
    for (const char* text : {"/dev/shm/shm0", "web.1", "a_b-c", "@:%+=,"}) {
        EXPECT_EQ(shell_word(text), text);
    }
}

TEST(ShellWord, QuotesWhateverAShellWouldTakeApart) {
    EXPECT_EQ(shell_word(""), "''");
    EXPECT_EQ(shell_word("a b"), "'a b'");
    EXPECT_EQ(shell_word("$(reboot)"), "'$(reboot)'");
    EXPECT_EQ(shell_word("it's"), "'it'\\''s'");
    EXPECT_EQ(shell_word("~/x"), "'~/x'");
}

}  // namespace
}  // namespace ivshmemd
