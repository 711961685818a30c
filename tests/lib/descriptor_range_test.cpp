#include "lib/descriptor_range.h"

#include <gtest/gtest.h>

namespace ivshmemd::test {
namespace {

struct TakenCase {
    const char* what;
    std::vector<int> expected;
    bool held;
    std::vector<int> free;
    std::size_t count;
    DescriptorRange range;
};

class RangeTaken : public ::testing::TestWithParam<TakenCase> {};

TEST_P(RangeTaken, HasAllNumbersOfTheDevice) {
    const TakenCase& each = GetParam();
    EXPECT_EQ(range_taken(each.expected, each.held, each.free, each.count), each.range);
}

INSTANTIATE_TEST_SUITE_P(
    , RangeTaken,
    ::testing::Values(
        TakenCase{"next", {20, 21, 22, 23, 24, 25}, false, {23, 24, 25, 26}, 3, {20, 23}},
        TakenCase{"holes", {20, 22, 25, 30, 31}, false, {30, 31, 32}, 3, {20, 26}},
        TakenCase{"in_use_beyond", {20, 21, 22, 23}, false, {23, 27}, 3, {20, 23}},
        TakenCase{"closed_in_between", {20, 21, 22, 23, 24}, false, {20, 23, 24, 25}, 2, {0, 23}},
        TakenCase{"closed_below", {20, 21, 22, 23, 24}, false, {12, 22, 23, 24, 25}, 3, {0, 22}},
        TakenCase{"opened_meanwhile", {20, 21, 22, 23, 24}, false, {23, 24, 25}, 2, {0, 23}},
        TakenCase{"pushed_beyond", {20, 21, 22}, false, {21, 26, 27}, 3, {0, 26}},
        TakenCase{"none_of_them_free", {20, 21}, false, {25, 26, 27, 28}, 3, {0, 25}},
        TakenCase{"as_many_beyond_by_chance", {20, 21}, false, {24, 25}, 2, {0, 24}},
        TakenCase{"held", {20}, true, {24, 25, 26}, 3, {21, 24}},
        TakenCase{"held_and_holes", {20}, true, {22, 25, 26}, 3, {21, 25}},
        TakenCase{"held_and_in_use_above", {20}, true, {29, 30}, 3, {0, 29}},
        TakenCase{"held_and_released", {20}, true, {18, 19, 20, 24, 25, 26}, 3, {21, 24}},
        TakenCase{"all_of_them_free", {20, 21, 22}, false, {20, 21, 22, 23}, 2, {0, 24}},
        TakenCase{"full", {20, 21, 22, 23}, false, {23}, 3, {20, 23}}),
    [](const auto& each) { return std::string(each.param.what); });

}  // namespace
}  // namespace ivshmemd::test
