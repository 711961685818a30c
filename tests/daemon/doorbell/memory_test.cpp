#include "daemon/doorbell/memory.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "tests/support/root.h"
#include "tests/support/temp_dir.h"

namespace ivshmemd::doorbell {
namespace {

constexpr std::uint64_t size = 1 << 20;

struct DoorbellMemory : ::testing::Test {
    std::string path(const std::string& name) const { return directory_ / name; }

    void make_file(const std::string& name, std::uint64_t bytes) const {
        std::ofstream(path(name)) << "x";
        std::filesystem::resize_file(path(name), bytes);
    }

    /// The error of opening this region with the size of the tests.
    Error refusal(const std::string& name) const {
        const Result<Memory> memory = open_region(path(name), size, std::nullopt);
        EXPECT_FALSE(memory);
        return memory ? Error() : memory.error();
    }

    test::TempDir directory_ = test::TempDir::shared_memory();
};

TEST_F(DoorbellMemory, MakesAMissingRegionWholeAndReserved) {
    const Result<Memory> memory = open_region(path("x"), size, std::nullopt);
    ASSERT_TRUE(memory) << memory.error().message;
    struct stat file {
    }, opened{};
    ASSERT_EQ(::stat(path("x").c_str(), &file), 0);
    ASSERT_EQ(::fstat(memory->descriptor.get(), &opened), 0);
    EXPECT_EQ(file.st_ino, opened.st_ino);
    EXPECT_EQ(file.st_mode & 07777, 0660U);
    EXPECT_EQ(static_cast<std::uint64_t>(file.st_size), size);
    EXPECT_GE(static_cast<std::uint64_t>(file.st_blocks) * 512, size);
    EXPECT_EQ(memory->size, size);
}

TEST_F(DoorbellMemory, TakesAnExistingRegionAsItIs) {
    make_file("x", size);
    const Result<Memory> memory = open_region(path("x"), size, std::nullopt);
    ASSERT_TRUE(memory) << memory.error().message;
    char first = 0;
    EXPECT_EQ(::pread(memory->descriptor.get(), &first, 1, 0), 1);
    EXPECT_EQ(first, 'x');
}

TEST_F(DoorbellMemory, TakesItsSizeFromAnExistingRegion) {
    make_file("x", 8192);
    const Result<Memory> memory = open_region(path("x"), std::nullopt, std::nullopt);
    ASSERT_TRUE(memory) << memory.error().message;
    EXPECT_EQ(memory->size, 8192U);
}

TEST_F(DoorbellMemory, FindsARelativePathFromHere) {
    const auto before = std::filesystem::current_path();
    std::filesystem::current_path(directory_.path());
    const Result<Memory> memory = open_region("x", size, std::nullopt);
    std::filesystem::current_path(before);
    ASSERT_TRUE(memory) << memory.error().message;
    EXPECT_EQ(memory->description, "region " + path("x"));
}

TEST_F(DoorbellMemory, RefusesARegionOfAnotherSize) {
    make_file("x", size / 2);
    EXPECT_EQ(refusal("x").kind, ErrorKind::region_mismatch);
    make_file("y", 5000);
    EXPECT_FALSE(open_region(path("y"), std::nullopt, std::nullopt))
        << "QEMU aborts on a size that is no power of two";
}

TEST_F(DoorbellMemory, RefusesWhatIsNoRegularFile) {
    make_file("target", size);
    std::filesystem::create_symlink(path("target"), path("link"));
    std::filesystem::create_symlink(path("nowhere"), path("dangling"));
    std::filesystem::create_directory(path("directory"));
    ASSERT_EQ(::mkfifo(path("fifo").c_str(), 0600), 0);
    for (const char* name : {"link", "dangling", "directory", "fifo"}) {
        EXPECT_EQ(refusal(name).kind, ErrorKind::region_mismatch) << name;
    }
    EXPECT_FALSE(std::filesystem::exists(path("nowhere")));
}

TEST_F(DoorbellMemory, RefusesARegionOfAnotherUser) {
    make_file("x", size);
    if (::chown(path("x").c_str(), 65534, static_cast<gid_t>(-1)) != 0) {
        return test::skip_without_root("changing a file's owner needs root");
    }
    const Error error = refusal("x");
    EXPECT_EQ(error.kind, ErrorKind::permission_denied);
    EXPECT_NE(error.message.find("belongs to user 65534"), std::string::npos) << error.message;
}

TEST_F(DoorbellMemory, RefusesSizesThatKillQemu) {
    for (const std::uint64_t wrong : {std::uint64_t{3} << 20, std::uint64_t{2048}}) {
        const Result<Memory> region = open_region(path("x"), wrong, std::nullopt);
        const Result<Memory> sealed = make_sealed_memory(wrong);
        ASSERT_FALSE(region);
        ASSERT_FALSE(sealed);
        EXPECT_EQ(region.error().kind, ErrorKind::bad_size);
        EXPECT_EQ(sealed.error().kind, ErrorKind::bad_size);
    }
    EXPECT_FALSE(std::filesystem::exists(path("x")));
}

TEST_F(DoorbellMemory, SealsMemoryWithoutANameAgainstAnyOtherSize) {
    const Result<Memory> memory = make_sealed_memory(size);
    ASSERT_TRUE(memory) << memory.error().message;
    const int fd = memory->descriptor.get();
    EXPECT_EQ(::ftruncate(fd, size / 2), -1);
    EXPECT_EQ(::ftruncate(fd, size * 2), -1);
    EXPECT_EQ(::fcntl(fd, F_GET_SEALS), F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
    EXPECT_EQ(::pwrite(fd, "x", 1, 0), 1) << "and writable";
}

}  // namespace
}  // namespace ivshmemd::doorbell
