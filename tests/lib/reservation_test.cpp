#include "lib/reservation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ivshmemd::test {
namespace {

using testing::HasSubstr;

constexpr std::uint64_t mebibyte = 1 << 20;
constexpr Supply plenty{1000 * mebibyte, 900 * mebibyte};

Result<void> check(std::uint64_t size, std::uint64_t present, Supply filesystem,
                   std::optional<Supply> memory = std::nullopt, unsigned percent = 5) {
    return check_reservation("/dev/shm/x", {size, present, filesystem, memory}, percent);
}

TEST(Reservation, TakesWhatIsMissingAlone) {
    EXPECT_EQ(missing_bytes({4 * mebibyte, mebibyte, {}, {}}), 3 * mebibyte);
    EXPECT_EQ(missing_bytes({mebibyte, 4 * mebibyte, {}, {}}), 0u) << "huge pages are rounded up";
    EXPECT_TRUE(check(mebibyte, mebibyte, {})) << "nothing is free, and nothing is needed";
}

TEST(Reservation, LeavesAShareFree) {
    const Supply filesystem{100 * mebibyte, 20 * mebibyte};
    EXPECT_TRUE(check(15 * mebibyte, 0, filesystem));
    EXPECT_TRUE(check(16 * mebibyte, mebibyte, filesystem));
    const Result<void> refused = check(16 * mebibyte, 0, filesystem);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind, ErrorKind::region_unavailable);
    EXPECT_THAT(refused.error().message,
                HasSubstr("region /dev/shm/x needs 16M more, and its file system has 20M free, of "
                          "which 5M are kept free"));
    EXPECT_TRUE(check(20 * mebibyte, 0, filesystem, std::nullopt, 0));
    EXPECT_FALSE(check(21 * mebibyte, 0, filesystem, std::nullopt, 0));
}

TEST(Reservation, CountsTheHostsMemoryWhereTheFileLivesInIt) {
    const Supply memory{100 * mebibyte, 8 * mebibyte};
    EXPECT_TRUE(check(3 * mebibyte, 0, plenty, memory));
    const Result<void> refused = check(4 * mebibyte, 0, plenty, memory);
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().message, HasSubstr("the host's memory has 8M free"));
    EXPECT_TRUE(check(4 * mebibyte, 0, plenty));
}

TEST(Reservation, SaysWhatThereIsTooLittleOf) {
    const Supply full{100 * mebibyte, 0};
    EXPECT_EQ(shortage_of({mebibyte, 0, full, {}}, 0),
              "needs 1M more, and its file system has 0K free");
    EXPECT_EQ(shortage_of({mebibyte, 0, plenty, full}, 5),
              "needs 1M more, and the host's memory has 0K free, of which 5M are kept free");
    EXPECT_EQ(shortage_of({mebibyte, mebibyte, full, full}, 5), "");
}

}  // namespace
}  // namespace ivshmemd::test
