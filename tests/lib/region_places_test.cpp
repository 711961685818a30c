#include "lib/region_places.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ivshmemd::test {
namespace {

RegionPlaces places() {
    return {"/dev/shm", {{"big", "/dev/hugepages"}}, {{"kvmfr0", {"/dev/kvmfr0", 64 << 20}}}};
}

TEST(RegionPlaces, FindARegionByItsNameAndTheNameByItsPath) {
    const struct {
        const char* region;
        const char* path;
    } cases[] = {{"frames", "/dev/shm/frames"},
                 {"0.frames", "/dev/shm/0.frames"},
                 {"big:frames", "/dev/hugepages/frames"},
                 {"kvmfr0", "/dev/kvmfr0"}};
    for (const auto& each : cases) {
        EXPECT_TRUE(places().check(each.region)) << each.region;
        EXPECT_EQ(places().path_of(each.region), each.path);
        EXPECT_EQ(places().region_at(each.path), each.region);
    }
    EXPECT_EQ(places().directory_of("big:frames"), "/dev/hugepages");
}

TEST(RegionPlaces, CallNothingElseARegion) {
    for (const char* path : {"/dev/shm/sub/x", "/dev/shm/", "/dev/shm", "/dev/shm/..", "x",
                             "/dev/shm/big:x", "/dev/hugepages/sub/x", "/dev/kvmfr1", ""}) {
        EXPECT_EQ(places().region_at(path), std::nullopt) << path;
    }
}

TEST(RegionPlaces, NameThoseThatThereAre) {
    const Result<void> refused = places().check("small:x");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind, ErrorKind::invalid_parameter);
    EXPECT_THAT(refused.error().message, testing::HasSubstr("there are big"));
    EXPECT_FALSE(RegionPlaces{"/dev/shm"}.check("big:x"));
}

}  // namespace
}  // namespace ivshmemd::test
