#include "lib/mapping.h"

#include <gtest/gtest.h>

namespace ivshmemd::test {
namespace {

constexpr std::uint64_t mebibyte = 1 << 20;
constexpr RegionIdentity frames{1, 10};
constexpr RegionIdentity other{1, 11};

Mapping window(const RegionIdentity& file, std::uint64_t offset, std::uint64_t length) {
    Mapping mapping = whole_file(file, length);
    mapping.offset = offset;
    return mapping;
}

Mapping private_(Mapping mapping) {
    mapping.shared = false;
    return mapping;
}

Mapping anonymous(const RegionIdentity& file) {
    Mapping mapping = whole_file(file, mebibyte);
    mapping.kind = Mapping::Kind::anonymous;
    return mapping;
}

TEST(Mapping, SharesWithWhatOverlapsOrIsNotKnown) {
    const struct {
        const char* what;
        Mapping a;
        Mapping b;
        bool shares;
    } cases[] = {
        {"the same", whole_file(frames, mebibyte), whole_file(frames, mebibyte), true},
        {"another file", whole_file(frames, mebibyte), whole_file(other, mebibyte), false},
        {"the next window", window(frames, 0, mebibyte), window(frames, mebibyte, mebibyte), false},
        {"within", window(frames, 0, 4 * mebibyte), window(frames, mebibyte, mebibyte), true},
        {"one byte", window(frames, 0, mebibyte + 1), window(frames, mebibyte, mebibyte), true},
        {"to an unknown end", window(frames, 0, 0), window(frames, mebibyte, mebibyte), true},
        {"behind an unknown end", window(frames, 2 * mebibyte, 0), window(frames, 0, mebibyte),
         false},
        {"a private copy", whole_file(frames, mebibyte), private_(whole_file(frames, mebibyte)),
         false},
        {"what is not known", whole_file(frames, mebibyte), Mapping(), true},
        {"what is not known, and private", whole_file(frames, mebibyte), private_(Mapping()),
         false},
        {"the same descriptor", anonymous(frames), whole_file(frames, mebibyte), true},
        {"memory without any file", anonymous({}), anonymous({}), false},
    };
    for (const auto& each : cases) {
        EXPECT_EQ(may_share(each.a, each.b), each.shares) << each.what;
        EXPECT_EQ(may_share(each.b, each.a), each.shares) << each.what;
    }
}

TEST(Mapping, SaysHowItIsShared) {
    Mapping mapping = whole_file(frames, mebibyte);
    EXPECT_EQ(sharing_name(sharing_of(mapping)), "unverified");
    mapping.verified = true;
    EXPECT_EQ(sharing_name(sharing_of(mapping)), "shared");
    EXPECT_EQ(sharing_name(sharing_of(private_(mapping))), "private");
    mapping.kind = Mapping::Kind::unknown;  // it is known not to be what it should be
    EXPECT_EQ(sharing_name(sharing_of(mapping)), "unverified");
}

TEST(Mapping, IsPutTogetherFromPieces) {
    const SeenFile seen{SeenFile::Kind::file, frames, "/dev/shm/frames", "/dev/shm/frames"};
    const MemoryClaim claim{true, mebibyte, 3 * mebibyte, true, false};
    std::vector<MappedFile> maps{
        {frames, seen.path, 2 * mebibyte, 2 * mebibyte, true, true},
        {frames, seen.path, mebibyte, mebibyte, true, true},
    };
    EXPECT_EQ(find_mapping(claim, seen, &maps).file, frames);
    maps[1].length = mebibyte / 2;
    EXPECT_EQ(find_mapping(claim, seen, &maps).kind, Mapping::Kind::unknown) << "a gap";
}

TEST(Mapping, CanBeWrittenToWhereBothQemuAndTheKernelSaySo) {
    const SeenFile seen{SeenFile::Kind::file, frames, "/dev/shm/frames", "/dev/shm/frames"};
    std::vector<MappedFile> maps{{frames, seen.path, 0, mebibyte, true, true},
                                 {frames, seen.path, 0, mebibyte, true, false}};
    EXPECT_FALSE(find_mapping({true, 0, mebibyte, true, true}, seen, &maps).writable);
    EXPECT_TRUE(find_mapping({true, 0, mebibyte, true, false}, seen, &maps).writable);
    maps.erase(maps.begin());
    EXPECT_FALSE(find_mapping({true, 0, mebibyte, true, false}, seen, &maps).writable);
    maps = {{frames, seen.path, 0, mebibyte, false, true}};
    EXPECT_TRUE(find_mapping({true, 0, mebibyte, false, true}, seen, &maps).writable) << "a copy";
}

TEST(Mapping, OfAFilesystemWithNumbersOfItsOwnIsKnownByInodeAndName) {
    SeenFile seen{SeenFile::Kind::file, frames, "/srv/frames", "/srv/frames", false};
    const MemoryClaim claim{true, 0, mebibyte, true, false};
    std::vector<MappedFile> maps{{{9, frames.inode}, "/srv/frames", 0, mebibyte, true, true}};
    const Mapping mapping = find_mapping(claim, seen, &maps);
    EXPECT_EQ(mapping.file, frames) << "the numbers that others are compared by";
    EXPECT_TRUE(mapping.verified);
    maps[0].file.inode = 99;
    maps[0].path = "/srv/others";
    EXPECT_FALSE(find_mapping(claim, seen, &maps).verified);
}

TEST(Mapping, IsComparedWithThePath) {
    const std::string path = "/dev/shm/frames";
    Mapping mapping = whole_file(frames, mebibyte);
    EXPECT_EQ(match_path(mapping, path, frames), PathMatch::unknown) << "a guess";
    mapping.verified = true;
    EXPECT_EQ(match_path(mapping, path, frames), PathMatch::same);
    EXPECT_EQ(match_path(mapping, path, other), PathMatch::elsewhere);
    mapping.label = path + " (deleted)";
    EXPECT_EQ(match_path(mapping, path, other), PathMatch::replaced);
    EXPECT_EQ(match_path(mapping, "", other), PathMatch::unknown);
    mapping.kind = Mapping::Kind::anonymous;
    EXPECT_EQ(match_path(mapping, path, other), PathMatch::unknown) << "made in a directory";
}

}  // namespace
}  // namespace ivshmemd::test
