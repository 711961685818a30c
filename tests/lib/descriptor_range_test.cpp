#include "lib/descriptor_range.h"

#include <gtest/gtest.h>

namespace ivshmemd::test {
namespace {

struct TakenCase {
    const char* what;
    std::vector<int> expected;
    std::vector<int> free;
    std::size_t count;
    DescriptorRange range;
};

class RangeTaken : public ::testing::TestWithParam<TakenCase> {};

TEST_P(RangeTaken, HasAllNumbersOfTheDevice) {
    const TakenCase& each = GetParam();
    EXPECT_EQ(range_taken(each.expected, each.free, each.count), each.range);
}

INSTANTIATE_TEST_SUITE_P(
    , RangeTaken,
    ::testing::Values(
        TakenCase{"next", {20, 21, 22, 23, 24, 25}, {23, 24, 25, 26}, 3, {20, 23}},
        TakenCase{"holes", {20, 22, 25, 30, 31}, {30, 31, 32}, 3, {20, 26}},
        TakenCase{"closed_in_between", {20, 21, 22, 23, 24}, {20, 23, 24, 25}, 2, {21, 23}},
        TakenCase{"closed_below", {20, 21, 22, 23, 24}, {12, 22, 23, 24, 25}, 3, {0, 22}},
        TakenCase{"opened_meanwhile", {20, 21, 22, 23, 24}, {23, 24, 25}, 2, {0, 23}},
        TakenCase{"none_of_them_free", {20, 21}, {25, 26, 27, 28}, 3, {22, 25}},
        TakenCase{"none_free_and_more_opened", {20, 21}, {25, 27, 28}, 3, {0, 27}},
        TakenCase{"held", {20}, {24, 25, 26}, 3, {21, 24}},
        TakenCase{"held_and_released", {20}, {18, 19, 20, 24, 25, 26}, 3, {21, 24}},
        TakenCase{"all_of_them_free", {20, 21, 22}, {20, 21, 22, 23}, 2, {0, 24}},
        TakenCase{"full", {20, 21, 22, 23}, {23}, 3, {20, 23}}),
    [](const auto& each) { return std::string(each.param.what); });

}  // namespace
}  // namespace ivshmemd::test
