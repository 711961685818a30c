#include "lib/size.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace ivshmemd {
namespace {

using testing::HasSubstr;

constexpr std::uint64_t kib = 1024;
constexpr std::uint64_t mib = kib * 1024;
constexpr std::uint64_t gib = mib * 1024;

struct Spelled {
    std::string_view text;
    std::uint64_t bytes;
};

TEST(ParseSize, ReadsDigitsAndOneBinarySuffix) {
    for (const auto& [text, bytes] : std::vector<Spelled>{
             {"0", 0},
             {"1", 1},
             {"4096", 4096},
             {"12345", 12345},
             {"007", 7},
             {"4K", 4 * kib},
             {"4k", 4 * kib},
             {"3M", 3 * mib},
             {"64M", 64 * mib},
             {"64m", 64 * mib},
             {"4G", 4 * gib},
             {"8g", 8 * gib},
             {"0G", 0},
             {"4KiB", 4 * kib},
             {"64MiB", 64 * mib},
             {"64Mib", 64 * mib},
             {"64mib", 64 * mib},
             {"1GiB", gib},
             {"18446744073709551615", UINT64_MAX},
             {"17179869183G", 17179869183U * gib},  // the last that fits
         }) {
        const Result<std::uint64_t> size = parse_size(text);
        ASSERT_TRUE(size) << text << ": " << size.error().message;
        EXPECT_EQ(*size, bytes) << text;
    }
}

TEST(ParseSize, RefusesEverythingElse) {
    for (const std::string_view text : {"",
                                        "abc",
                                        "M",
                                        "K",
                                        "-1",
                                        "+1",
                                        "-16M",
                                        "16M ",
                                        " 16M",
                                        "16 M",
                                        "1.5M",
                                        "1,5M",
                                        "0x1000",
                                        "16MB",
                                        "16MIB",
                                        "16Mi",
                                        "16MiBs",
                                        "16M iB",
                                        "16iB",
                                        "16TiB",
                                        "16B",
                                        "16T",
                                        "16E",
                                        "16P",
                                        "16MM",
                                        "1e6",
                                        "١٦",
                                        "16\n",
                                        "4 096",
                                        "4_096",
                                        "0b1",
                                        "inf",
                                        "18446744073709551616",
                                        "99999999999999999999999999M",
                                        "17179869184G",
                                        "18014398509481984K",
                                        "18446744073709551615K"}) {
        const Result<std::uint64_t> size = parse_size(text);
        ASSERT_FALSE(size) << "'" << text << "' became " << *size;
        EXPECT_EQ(size.error().kind, ErrorKind::bad_size);
        EXPECT_FALSE(size.error().message.empty());
    }
}

TEST(ParseSize, SaysWhatToWriteInstead) {
    const auto message_of = [](std::string_view text) { return parse_size(text).error().message; };
    EXPECT_EQ(message_of("64MB"),
              "size '64MB' could be decimal: write M or MiB; use a power of two of at least 4K, "
              "such as 64M");
    EXPECT_THAT(message_of("64X"), HasSubstr("size '64X' has none of the suffixes K, M, G, KiB"));
    EXPECT_THAT(message_of("1.5M"), HasSubstr("size '1.5M' has none"));
    EXPECT_THAT(message_of("big"), HasSubstr("size 'big' does not begin with a digit"));
    EXPECT_THAT(message_of(""), HasSubstr("size '' does not begin with a digit"));
    EXPECT_THAT(message_of("17179869184G"), HasSubstr("size '17179869184G' is too large"));
    EXPECT_LT(message_of(std::string(5000, '9')).size(), 200u);
}

TEST(ParseRegionSize, NamesTheSizeAsItWasWritten) {
    const auto message_of = [](std::string_view text) {
        const Result<std::uint64_t> size = parse_region_size(text);
        return size ? std::to_string(*size) : size.error().message;
    };
    EXPECT_EQ(message_of("64MiB"), "67108864");
    EXPECT_EQ(message_of("96MiB"),
              "size 96MiB is not a power of two; the next sizes are 64M and 128M");
    EXPECT_EQ(message_of("100663296"),
              "size 100663296 is not a power of two; the next sizes are 64M and 128M");
    EXPECT_EQ(message_of("1024k"), "1048576");
    EXPECT_EQ(message_of("2k"),
              "size 2k is too small; use a power of two of at least 4K, such as 64M");
}

TEST(ParseSize, StopsAtNoNul) {
    EXPECT_FALSE(parse_size(std::string_view("16\0M", 4)));
    EXPECT_FALSE(parse_size(std::string_view("16\0", 3)));
}

TEST(ParseSize, LooksAtNothingBehindItsText) {
    constexpr std::string_view longer = "64MB";
    const Result<std::uint64_t> size = parse_size(longer.substr(0, 3));
    ASSERT_TRUE(size);
    EXPECT_EQ(*size, 64 * mib);
}

TEST(CheckSize, TakesEveryPowerOfTwoFromAPageToTheLimit) {
    for (std::uint64_t size = 4096; size <= 4 * gib; size *= 2) {
        EXPECT_TRUE(check_size(size, default_region_size_limit)) << size;
    }
}

TEST(CheckSize, RefusesWhatWouldAbortQemu) {
    for (const std::uint64_t size :
         {std::uint64_t{0}, std::uint64_t{5000}, std::uint64_t{12345}, 3 * mib, 17 * mib,
          mib + 4 * kib, 4 * gib - 1, 4 * gib + 1, UINT64_MAX}) {
        const Result<void> checked = check_size(size, UINT64_MAX);
        ASSERT_FALSE(checked) << size;
        EXPECT_EQ(checked.error().kind, ErrorKind::bad_size);
    }
}

TEST(CheckSize, RefusesLessThanAPage) {
    for (const std::uint64_t size : {1U, 2U, 512U, 1024U, 2048U, 4095U}) {
        const Result<void> checked = check_size(size, UINT64_MAX);
        ASSERT_FALSE(checked) << size;
        EXPECT_EQ(checked.error().kind, ErrorKind::bad_size);
    }
    EXPECT_TRUE(check_size(4096, UINT64_MAX));
}

TEST(CheckSize, RefusesWhatIsOverTheLimitAndNamesIt) {
    const Result<void> checked = check_size(8 * gib, 4 * gib);
    ASSERT_FALSE(checked);
    EXPECT_EQ(checked.error().kind, ErrorKind::bad_size);
    EXPECT_THAT(checked.error().message, HasSubstr("8G"));
    EXPECT_THAT(checked.error().message, HasSubstr("4G"));
    EXPECT_TRUE(check_size(8 * gib, 8 * gib));
    EXPECT_FALSE(check_size(4096, 4095));
    EXPECT_FALSE(check_size(std::uint64_t{1} << 63, default_region_size_limit));
}

TEST(FormatSize, UsesTheLargestWholeUnit) {
    for (const auto& [text, bytes] : std::vector<Spelled>{{"0", 0},
                                                          {"1", 1},
                                                          {"1023", 1023},
                                                          {"1K", kib},
                                                          {"4K", 4 * kib},
                                                          {"5000", 5000},
                                                          {"3M", 3 * mib},
                                                          {"64M", 64 * mib},
                                                          {"1025K", mib + kib},
                                                          {"4G", 4 * gib},
                                                          {"1024G", 1024 * gib},
                                                          {"18446744073709551615", UINT64_MAX}}) {
        EXPECT_EQ(format_size(bytes), text);
    }
}

TEST(FormatSize, IsReadBackAsTheSameSize) {
    std::vector<std::uint64_t> sizes = {0, 5000, 12345, 3 * mib, UINT64_MAX};
    for (unsigned shift = 0; shift < 64; ++shift) {
        const std::uint64_t power = std::uint64_t{1} << shift;
        sizes.insert(sizes.end(), {power, power - 1, power + 1});
    }
    for (const std::uint64_t size : sizes) {
        const Result<std::uint64_t> back = parse_size(format_size(size));
        ASSERT_TRUE(back) << size;
        EXPECT_EQ(*back, size);
    }
}

}  // namespace
}  // namespace ivshmemd
