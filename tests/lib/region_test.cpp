#include "lib/region.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "lib/size.h"

namespace ivshmemd {
namespace {

using testing::HasSubstr;

constexpr std::uint64_t mib = std::uint64_t{1} << 20;
constexpr uid_t daemon_uid = 990;
constexpr uid_t qemu_uid = 64055;
constexpr uid_t listed_uid = 1000;
constexpr uid_t stranger_uid = 1001;
constexpr const char* path = "/dev/shm/bus0";

RegionTrust trust() {
    return {daemon_uid, qemu_uid, {listed_uid}};
}

RegionFacts regular(std::uint64_t size, uid_t owner = daemon_uid) {
    return {true, S_IFREG | 0660, owner, size};
}

RegionFacts other_kind(mode_t type) {
    return {true, type | 0777, daemon_uid, mib};
}

constexpr mode_t other_kinds[] = {S_IFLNK, S_IFDIR, S_IFIFO, S_IFSOCK, S_IFCHR, S_IFBLK};

ErrorKind refusal(std::uint64_t size, const RegionFacts& facts) {
    const Result<RegionPlan> plan = check_region(path, size, facts, trust());
    EXPECT_FALSE(plan);
    if (plan) return ErrorKind::internal;
    EXPECT_THAT(plan.error().message, HasSubstr(path));
    return plan.error().kind;
}

TEST(DecideSize, IsTheRequestedOne) {
    EXPECT_EQ(*decide_size(mib, RegionFacts{}, default_region_size_limit), mib);
    EXPECT_EQ(*decide_size(mib, regular(2 * mib), default_region_size_limit), mib);
}

TEST(DecideSize, IsTheExistingRegionsWhenLeftOut) {
    EXPECT_EQ(*decide_size({}, regular(2 * mib), default_region_size_limit), 2 * mib);
}

TEST(DecideSize, RefusesToGuess) {
    const auto size = decide_size({}, RegionFacts{}, default_region_size_limit);
    ASSERT_FALSE(size);
    EXPECT_EQ(size.error().kind, ErrorKind::bad_size);
}

TEST(DecideSize, RefusesARequestThatQemuWouldNotSurvive) {
    for (const std::uint64_t bad : {std::uint64_t{0}, std::uint64_t{4095}, 3 * mib, 8192 * mib}) {
        for (const RegionFacts& facts : {RegionFacts{}, regular(bad), other_kind(S_IFDIR)}) {
            const auto size = decide_size(bad, facts, default_region_size_limit);
            ASSERT_FALSE(size) << bad;
            EXPECT_EQ(size.error().kind, ErrorKind::bad_size);
        }
    }
}

TEST(DecideSize, RefusesAnExistingRegionThatQemuWouldNotSurvive) {
    for (const std::uint64_t bad : {std::uint64_t{0}, std::uint64_t{100}, 3 * mib, 8192 * mib}) {
        const auto size = decide_size({}, regular(bad), default_region_size_limit);
        ASSERT_FALSE(size) << bad;
        EXPECT_EQ(size.error().kind, ErrorKind::bad_size);
    }
}

TEST(DecideSize, LeavesAnythingThatIsNoFileToTheCheckThatNamesIt) {
    for (const mode_t type : other_kinds) {
        const RegionFacts facts = other_kind(type);
        const auto size = decide_size({}, facts, default_region_size_limit);
        ASSERT_TRUE(size) << size.error().message;
        EXPECT_EQ(refusal(*size, facts), ErrorKind::region_mismatch);
    }
}

TEST(CheckRegion, MakesAFileThatIsNotThere) {
    const Result<RegionPlan> plan = check_region(path, mib, RegionFacts{}, trust());
    ASSERT_TRUE(plan);
    EXPECT_TRUE(plan->create);
    EXPECT_EQ(plan->size, mib);
}

TEST(CheckRegion, TakesARegularFileOfThatSizeFromATrustedOwner) {
    for (const uid_t owner : {uid_t{0}, daemon_uid, qemu_uid, listed_uid}) {
        const Result<RegionPlan> plan = check_region(path, mib, regular(mib, owner), trust());
        ASSERT_TRUE(plan) << owner << ": " << plan.error().message;
        EXPECT_FALSE(plan->create);
        EXPECT_EQ(plan->size, mib);
    }
}

TEST(CheckRegion, RefusesEverythingThatIsNoRegularFile) {
    for (const mode_t type : other_kinds) {
        EXPECT_EQ(refusal(mib, other_kind(type)), ErrorKind::region_mismatch) << std::oct << type;
    }
}

TEST(CheckRegion, SaysWhatTheThingIs) {
    const auto message = [](mode_t type) {
        return check_region(path, mib, other_kind(type), trust()).error().message;
    };
    EXPECT_THAT(message(S_IFLNK), HasSubstr("symbolic link"));
    EXPECT_THAT(message(S_IFDIR), HasSubstr("directory"));
    EXPECT_THAT(message(S_IFIFO), HasSubstr("FIFO"));
    EXPECT_THAT(message(S_IFSOCK), HasSubstr("socket"));
}

TEST(CheckRegion, FillsAnEmptyFile) {
    const auto plan = check_region(path, mib, regular(0), trust());
    ASSERT_TRUE(plan);
    EXPECT_TRUE(plan->fill);
    EXPECT_FALSE(plan->create);
    EXPECT_EQ(refusal(mib, regular(0, stranger_uid)), ErrorKind::permission_denied);
    const auto size = decide_size({}, regular(0), default_region_size_limit);
    ASSERT_FALSE(size);
    EXPECT_THAT(size.error().message, HasSubstr("--size"));
}

TEST(CheckRegion, RefusesAnotherSizeSmallerOrLarger) {
    for (const std::uint64_t there : {mib / 2, mib - 1, mib + 1, 2 * mib}) {
        EXPECT_EQ(refusal(mib, regular(there)), ErrorKind::region_mismatch) << there;
    }
    const auto plan = check_region(path, mib, regular(2 * mib), trust());
    ASSERT_FALSE(plan);
    EXPECT_THAT(plan.error().message, HasSubstr("2M"));
    EXPECT_THAT(plan.error().message, HasSubstr("1M"));
}

TEST(CheckRegion, RefusesAnOwnerWhoCouldTruncateTheFile) {
    EXPECT_EQ(refusal(mib, regular(mib, stranger_uid)), ErrorKind::permission_denied);
    const auto plan = check_region(path, mib, regular(mib, stranger_uid), trust());
    ASSERT_FALSE(plan);
    EXPECT_THAT(plan.error().message, HasSubstr("1001"));
}

TEST(Region, IsMadeWithAModeThatHarmsNobody) {
    EXPECT_EQ(mode_of_digits("0640"), mode_t{0640});
    EXPECT_EQ(mode_digits(mode_of_digits("7531")), "7531");
    for (const mode_t mode : {0660U, 0664U}) EXPECT_TRUE(check_made_mode("/r", mode, true));
    for (const mode_t mode : {0600U, 0640U, 0644U}) {
        EXPECT_TRUE(check_made_mode("/r", mode, false)) << mode;
        EXPECT_FALSE(check_made_mode("/r", mode, true)) << mode;
    }
    for (const mode_t mode : {0662U, 0666U, 0770U, 0661U, 04660U, 01660U, 0460U, 060U}) {
        const Result<void> refused = check_made_mode("/r", mode, false);
        ASSERT_FALSE(refused) << mode;
        EXPECT_EQ(refused.error().kind, ErrorKind::config_unsupported);
    }
}

}  // namespace
}  // namespace ivshmemd
