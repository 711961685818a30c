#include "lib/address_range.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ivshmemd {
namespace {

struct Window {
    std::uint64_t base;
    std::uint64_t limit;
    std::uint64_t block;
};

constexpr std::uint64_t mib = std::uint64_t{1} << 20;
constexpr std::uint64_t gib = std::uint64_t{1} << 30;

TEST(LargestAlignedBlock, FitsTheWindowsFirmwareMakes) {
    for (const auto& [base, limit, block] : {
             Window{4293918720, 1048575, 0},               // closed, as before firmware
             Window{0xfe800000, 0xfe9fffff, 2 * mib},      // what a port gets by default
             Window{0xfe900000, 0xfeafffff, mib},          // as large, aligned to 1 MiB only
             Window{0xee400000, 0xfe3fffff, 128 * mib},    // 256 MiB, not aligned to it
             Window{0x180000000, 0x18fffffff, 256 * mib},  // 256 MiB above 4 GiB
             Window{0x8000000000, 0x80ffffffff, 4 * gib},
         }) {
        EXPECT_EQ(largest_aligned_block({base, limit}), block) << std::hex << base << "-" << limit;
    }
}

TEST(LargestAlignedBlock, HandlesTheEdges) {
    constexpr std::uint64_t half = std::uint64_t{1} << 63;
    for (const auto& [base, limit, block] : {
             Window{0, 0, 1}, Window{1, 0, 0}, Window{1, 1, 1}, Window{1, 2, 1},
             Window{0, 4095, 4096}, Window{0, 4094, 2048}, Window{1, 4095, 2048},
             Window{4096, 4095, 0}, Window{UINT64_MAX, 0, 0}, Window{UINT64_MAX, UINT64_MAX, 1},
             Window{UINT64_MAX - 4095, UINT64_MAX, 4096},
             Window{UINT64_MAX - 4094, UINT64_MAX, 2048}, Window{half, UINT64_MAX, half},
             Window{half + 1, UINT64_MAX, half / 2}, Window{1, UINT64_MAX, half},
             Window{0, half - 1, half}, Window{0, UINT64_MAX - 1, half},
             Window{0, UINT64_MAX, half},  // 2^64 bytes have no number: the largest power that has
         }) {
        EXPECT_EQ(largest_aligned_block({base, limit}), block) << std::hex << base << "-" << limit;
    }
}

TEST(LargestAlignedBlock, IsWhatTryingEveryPlaceFinds) {
    constexpr std::uint64_t size = 70;
    for (std::uint64_t base = 0; base < size; ++base) {
        for (std::uint64_t limit = 0; limit < size; ++limit) {
            std::uint64_t best = 0;
            for (std::uint64_t block = 1; block < 2 * size; block *= 2) {
                for (std::uint64_t start = 0; start <= limit; start += block) {
                    if (start >= base && start + block - 1 <= limit) best = block;
                }
            }
            EXPECT_EQ(largest_aligned_block({base, limit}), best) << base << "-" << limit;
        }
    }
}

TEST(LargestFreeBlock, IsTheLargestBetweenWhatIsTaken) {
    const AddressRange window{0xfea00000, 0xfebfffff};
    EXPECT_EQ(largest_free_block(window, {}), 2 * mib);
    EXPECT_EQ(largest_free_block(window, {{0xfea00000, 0xfea00fff}}), mib);
    EXPECT_EQ(largest_free_block(window, {{0xfeb00000, 0xfebfffff}}), mib);
    EXPECT_EQ(largest_free_block(window, {{0xfeb00000, 0xfeb00000}, {0xfea00000, 0xfea00000}}),
              mib / 2);
    EXPECT_EQ(largest_free_block(window, {window}), 0U);
}

TEST(LargestFreeBlock, MindsRangesThatOverlapTheWindowAndEachOther) {
    const AddressRange window{0x1000, 0x4fff};
    EXPECT_EQ(largest_free_block(window, {{0, 0x1fff}, {0x800, 0x17ff}}), 0x2000U);
    EXPECT_EQ(largest_free_block(window, {{0x4000, UINT64_MAX}, {0x3000, 0x4000}}), 0x1000U);
    EXPECT_EQ(largest_free_block(window, {{0, UINT64_MAX}}), 0U);
    EXPECT_EQ(largest_free_block(window, {{0x8000, 0x8fff}, {5, 4}}), 0x2000U);
    EXPECT_EQ(largest_free_block({1, 0}, {}), 0U);
}

TEST(LowestFreeBlock, IsWhereAGuestWouldPutIt) {
    const AddressRange window{0x1800, 0x4fff};
    EXPECT_EQ(lowest_free_block(window, {}, 0x1000), (AddressRange{0x2000, 0x2fff}));
    EXPECT_EQ(lowest_free_block(window, {{0x2000, 0x2001}}, 0x1000),
              (AddressRange{0x3000, 0x3fff}));
    EXPECT_EQ(lowest_free_block(window, {}, 0x4000), std::nullopt);
    EXPECT_EQ(lowest_free_block({UINT64_MAX - 10, UINT64_MAX}, {}, 0x1000), std::nullopt);
}

}  // namespace
}  // namespace ivshmemd
