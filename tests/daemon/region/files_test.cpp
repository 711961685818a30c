#include "daemon/region/files.h"

#include <gtest/gtest.h>
#include <sys/acl.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <acl/libacl.h>
#include <filesystem>
#include <fstream>

#include "tests/support/root.h"
#include "tests/support/temp_dir.h"

namespace ivshmemd::test {
namespace {

constexpr uid_t nobody = 65534;

struct RegionFilesTest : ::testing::Test {
    std::string path(const std::string& name) const { return directory_ / name; }

    struct stat status_of(const std::string& name) const {
        struct stat status {};
        EXPECT_EQ(::stat(path(name).c_str(), &status), 0);
        return status;
    }

    /// "user::rw-,user:65534:rw-,..."
    std::string acl_of(const std::string& name) const {
        const acl_t acl = ::acl_get_file(path(name).c_str(), ACL_TYPE_ACCESS);
        char* text = ::acl_to_any_text(acl, nullptr, ',', TEXT_NUMERIC_IDS);
        const std::string result = text ? text : "";
        ::acl_free(text);
        ::acl_free(acl);
        return result;
    }

    TempDir directory_ = TempDir::shared_memory();
    RegionFiles files_{{directory_.path()}, std::nullopt};
};

TEST_F(RegionFilesTest, MakesAFileOfThatSizeWithItsMemoryReserved) {
    const Result<RegionIdentity> made = files_.create("x", 1 << 20, ::geteuid());
    ASSERT_TRUE(made) << made.error().message;
    const struct stat status = status_of("x");
    EXPECT_TRUE(S_ISREG(status.st_mode));
    EXPECT_EQ(status.st_mode & 07777, 0660u);
    EXPECT_EQ(status.st_size, 1 << 20);
    EXPECT_GE(status.st_blocks * 512, 1 << 20);
    EXPECT_EQ(status.st_ino, made->inode);
    EXPECT_EQ(status.st_dev, made->device);
    EXPECT_EQ(status.st_nlink, 1u);
    EXPECT_EQ(RegionFiles::identity(path("x")), *made);
}

TEST_F(RegionFilesTest, KeepsTheModeWhateverTheMaskIs) {
    const mode_t before = ::umask(0777);
    const bool made = files_.create("x", 4096, ::geteuid()).has_value();
    ::umask(before);
    ASSERT_TRUE(made);
    EXPECT_EQ(status_of("x").st_mode & 07777, 0660u);
}

TEST_F(RegionFilesTest, DoesNotTouchAFileThatIsThere) {
    std::ofstream(path("x")) << "precious";
    const Result<RegionIdentity> made = files_.create("x", 4096, ::geteuid());
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().kind, ErrorKind::region_mismatch);
    EXPECT_EQ(status_of("x").st_size, 8);
}

TEST_F(RegionFilesTest, DoesNotFollowALinkThatIsInTheWay) {
    std::filesystem::create_symlink(path("elsewhere"), path("x"));
    EXPECT_FALSE(files_.create("x", 4096, ::geteuid()));
    EXPECT_FALSE(std::filesystem::exists(path("elsewhere")));
}

TEST_F(RegionFilesTest, NeedsItsDirectory) {
    const RegionFiles files({path("missing")}, std::nullopt);
    const Result<RegionIdentity> made = files.create("x", 4096, ::geteuid());
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().kind, ErrorKind::region_unavailable);
    EXPECT_NE(made.error().message.find("No such file"), std::string::npos);
}

TEST_F(RegionFilesTest, LeavesNothingWhenTheMemoryDoesNotSuffice) {
    if (::mount("small", directory_.path().c_str(), "tmpfs", 0, "size=1m") != 0) {
        return skip_without_root("mounting needs root");
    }
    const Result<RegionIdentity> made = files_.create("x", 4 << 20, ::geteuid());
    const bool empty = std::filesystem::is_empty(directory_.path());
    const Result<RegionIdentity> small = files_.create("y", 1 << 19, ::geteuid());
    ::umount(directory_.path().c_str());
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().kind, ErrorKind::region_unavailable);
    EXPECT_NE(made.error().message.find("needs 4M more, and its file system has 1M free"),
              std::string::npos)
        << made.error().message;
    EXPECT_TRUE(empty);
    EXPECT_TRUE(small) << "what was reserved for the first is free again";
}

TEST_F(RegionFilesTest, LetsQemusUserIn) {
    ASSERT_TRUE(files_.create("x", 4096, nobody));
    EXPECT_NE(acl_of("x").find("user:65534:rw-"), std::string::npos) << acl_of("x");
    EXPECT_NE(acl_of("x").find("mask::rw-"), std::string::npos) << acl_of("x");
    EXPECT_NE(acl_of("x").find("other::---"), std::string::npos) << acl_of("x");
    EXPECT_EQ(status_of("x").st_uid, ::geteuid()) << "it stays ours";
}

TEST_F(RegionFilesTest, LetsTheConfiguredGroupIn) {
    const RegionFiles files({directory_.path()}, gid_t{4242});
    ASSERT_TRUE(files.create("x", 4096, ::geteuid()));
    EXPECT_NE(acl_of("x").find("group:4242:rw-"), std::string::npos) << acl_of("x");
}

TEST_F(RegionFilesTest, LetsOthersInLaterAndOnlyOnce) {
    ASSERT_TRUE(files_.create("x", 4096, nobody));
    files_.grant(RegionFiles::look(path("x")), 1234);
    files_.grant(RegionFiles::look(path("x")), 1234);
    const std::string acl = acl_of("x");
    EXPECT_NE(acl.find("user:65534:rw-"), std::string::npos) << acl;
    EXPECT_NE(acl.find("user:1234:rw-"), std::string::npos) << acl;
    EXPECT_EQ(acl.find("user:1234:rw-"), acl.rfind("user:1234:rw-")) << acl;
}

TEST_F(RegionFilesTest, ChangesNothingForRootAndForItself) {
    ASSERT_TRUE(files_.create("x", 4096, 0));
    files_.grant(RegionFiles::look(path("x")), ::geteuid());
    EXPECT_EQ(acl_of("x").find("user:0"), std::string::npos) << acl_of("x");
}

TEST_F(RegionFilesTest, GrantsNothingThroughALinkNorToAFifo) {
    std::ofstream(path("target")) << "x";
    std::filesystem::create_symlink(path("target"), path("link"));
    ASSERT_EQ(::mkfifo(path("fifo").c_str(), 0600), 0);
    files_.grant(RegionFiles::look(path("link")), nobody);
    files_.grant(RegionFiles::look(path("fifo")), nobody);  // and does not wait for its other end
    files_.grant(RegionFiles::look(path("missing")), nobody);
    EXPECT_EQ(acl_of("target").find("65534"), std::string::npos);
}

TEST_F(RegionFilesTest, LooksAtWhatIsThereAndNotBehindLinks) {
    std::filesystem::create_symlink("/dev/null", path("link"));
    std::filesystem::create_directory(path("directory"));
    ASSERT_EQ(::mkfifo(path("fifo").c_str(), 0600), 0);
    EXPECT_TRUE(S_ISLNK(RegionFiles::inspect(path("link")).mode));
    EXPECT_TRUE(S_ISDIR(RegionFiles::inspect(path("directory")).mode));
    EXPECT_TRUE(S_ISFIFO(RegionFiles::inspect(path("fifo")).mode));
    EXPECT_FALSE(RegionFiles::inspect(path("missing")).exists);
    EXPECT_EQ(RegionFiles::inspect(path("directory")).owner, ::geteuid());
}

TEST_F(RegionFilesTest, GrantsTheFileThatWasJudgedWhateverItsNameSaysByThen) {
    ASSERT_TRUE(files_.create("x", 4096, 0));
    const RegionFile judged = RegionFiles::look(path("x"));
    EXPECT_EQ(judged.identity, RegionFiles::identity(path("x")));
    EXPECT_EQ(judged.facts.size, 4096u);
    std::filesystem::rename(path("x"), path("y"));
    ASSERT_TRUE(files_.create("x", 4096, 0));
    files_.grant(judged, 1234);
    EXPECT_NE(acl_of("y").find("user:1234"), std::string::npos) << acl_of("y");
    EXPECT_EQ(acl_of("x").find("user:1234"), std::string::npos) << acl_of("x");
}

}  // namespace
}  // namespace ivshmemd::test
