#include "daemon/base/chores.h"

#include <gtest/gtest.h>

namespace ivshmemd::test {
namespace {

TEST(BaseChores, AreDoneOnceMoreForAllWhoAskedMeanwhile) {
    Chores chores;
    EXPECT_TRUE(chores.begin("look"));
    for (int i = 0; i < 1000; ++i) EXPECT_FALSE(chores.begin("look"));
    EXPECT_EQ(chores.size(), 1u);
    EXPECT_TRUE(chores.again("look"));
    EXPECT_FALSE(chores.again("look"));
    EXPECT_EQ(chores.size(), 0u);
    EXPECT_TRUE(chores.begin("look"));
}

TEST(BaseChores, AreDoneAgainForWhoAsksDuringTheSecondRun) {
    Chores chores;
    chores.begin("look");
    chores.begin("look");
    EXPECT_TRUE(chores.again("look"));
    chores.begin("look");
    EXPECT_TRUE(chores.again("look"));
    EXPECT_FALSE(chores.again("look"));
}

TEST(BaseChores, OfOtherNamesAreOthers) {
    Chores chores;
    EXPECT_TRUE(chores.begin("look"));
    EXPECT_TRUE(chores.begin("clean"));
    chores.clear();
    EXPECT_TRUE(chores.begin("look"));
    EXPECT_FALSE(chores.again("clean"));
}

}  // namespace
}  // namespace ivshmemd::test
