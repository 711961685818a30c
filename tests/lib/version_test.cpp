#include "lib/version.h"

#include <gtest/gtest.h>

namespace ivshmemd {
namespace {

TEST(Version, ComparesByNumberAndNotByText) {
    EXPECT_LT((Version{9, 2, 0}), (Version{10, 0, 0}));
    EXPECT_LT((Version{5, 1, 92}), (Version{5, 2, 0}));
    EXPECT_LT((Version{7, 2, 9}), (Version{7, 2, 22}));
    EXPECT_GE((Version{5, 2, 0}), (Version{5, 2, 0}));
}

TEST(Version, PrintsAllThreeNumbers) {
    EXPECT_EQ(to_string(Version{7, 2, 22}), "7.2.22");
    EXPECT_EQ(to_string(Version{}), "0.0.0");
}

}  // namespace
}  // namespace ivshmemd
