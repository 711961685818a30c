#include "daemon/fleet/mapped_files.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "tests/support/temp_dir.h"

namespace ivshmemd::test {
namespace {

class MappedFiles : public testing::Test {
  protected:
    void SetUp() override {
        make(path_);
        const UniqueFd file(::open(path_.c_str(), O_RDWR | O_CLOEXEC));
        memory_ = ::mmap(nullptr, 4096, PROT_READ, MAP_SHARED, file.get(), 0);
        ASSERT_NE(memory_, MAP_FAILED);
    }
    void TearDown() override { ::munmap(memory_, 4096); }

    static void make(const std::string& path) {
        std::ofstream(path) << "x";
        std::filesystem::resize_file(path, 4096);
    }
    static Mapping judge(const std::string& path) {
        const auto mapped = mapped_files(::getpid());
        EXPECT_TRUE(mapped);
        return mapped ? judge_mapping(*mapped, path) : Mapping::unknown;
    }

    TempDir directory_ = TempDir::shared_memory();
    std::string path_ = directory_ / "name with blanks";
    void* memory_ = nullptr;
};

TEST_F(MappedFiles, AreKnownByWhatTheyAreAndNotByTheirName) {
    EXPECT_EQ(judge(path_), Mapping::same);
    std::filesystem::create_hard_link(path_, directory_ / "link");
    EXPECT_EQ(judge(directory_ / "link"), Mapping::same);
}

TEST_F(MappedFiles, AreFoundToBeReplaced) {
    make(directory_ / "new");
    std::filesystem::rename(directory_ / "new", path_);
    EXPECT_EQ(judge(path_), Mapping::replaced);
}

TEST_F(MappedFiles, AreFoundToBeOthersThanTheOneAtAPath) {
    make(directory_ / "other");
    EXPECT_EQ(judge(directory_ / "other"), Mapping::elsewhere);
}

TEST_F(MappedFiles, SayNothingAboutWhatIsNoFile) {
    EXPECT_EQ(judge(directory_ / "nothing"), Mapping::unknown);
    EXPECT_EQ(judge(directory_.path()), Mapping::unknown);
    EXPECT_EQ(judge("/proc/self/status"), Mapping::unknown) << "procfs numbers are its own";
}

TEST_F(MappedFiles, OfAProcessThatIsNotThereCannotBeTold) {
    EXPECT_EQ(mapped_files(0), std::nullopt);
    EXPECT_EQ(mapped_files(-1), std::nullopt);
}

}  // namespace
}  // namespace ivshmemd::test
