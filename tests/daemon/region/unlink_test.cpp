#include "daemon/region/unlink.h"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <cerrno>
#include <csignal>
#include <filesystem>
#include <optional>

#include "daemon/region/lease.h"
#include "tests/support/temp_dir.h"

// With real leases of the kernel, on the file system of real regions.

namespace ivshmemd::test {
namespace {

using Kind = Unlinking::Kind;

struct UnlinkUnused : ::testing::Test {
    UnlinkUnused() { ignore_broken_leases(); }

    std::string path(const std::string& name = "x") const { return directory_ / name; }
    RegionIdentity make(const std::string& name = "x") const {
        return *files_.create(name, 4096, ::geteuid());
    }
    bool exists(const std::string& name = "x") const {
        return std::filesystem::exists(std::filesystem::symlink_status(path(name)));
    }

    TempDir directory_ = TempDir::shared_memory();
    RegionFiles files_{{directory_.path()}, std::nullopt};
};

TEST_F(UnlinkUnused, TakesTheNameOfAFileThatNobodyHasOpen) {
    const RegionIdentity file = make();
    EXPECT_EQ(unlink_unused(path(), file).kind, Kind::done);
    EXPECT_FALSE(exists());
    EXPECT_EQ(unlink_unused(path(), file).kind, Kind::not_there);
}

TEST_F(UnlinkUnused, LeavesAFileThatSomebodyHasOpen) {
    const RegionIdentity file = make();
    for (const int mode : {O_RDONLY, O_WRONLY, O_RDWR}) {
        const UniqueFd open(::open(path().c_str(), mode | O_CLOEXEC));
        ASSERT_TRUE(open);
        EXPECT_EQ(unlink_unused(path(), file).kind, Kind::in_use);
    }
    EXPECT_TRUE(exists());
    EXPECT_EQ(unlink_unused(path(), file).kind, Kind::done) << "all have closed it";
}

TEST_F(UnlinkUnused, LeavesAFileThatSomebodyMaps) {
    const RegionIdentity file = make();
    UniqueFd open(::open(path().c_str(), O_RDWR | O_CLOEXEC));
    void* memory = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, open.get(), 0);
    ASSERT_NE(memory, MAP_FAILED);
    open.reset();
    EXPECT_EQ(unlink_unused(path(), file).kind, Kind::in_use);
    ::munmap(memory, 4096);
    EXPECT_EQ(unlink_unused(path(), file).kind, Kind::done);
}

TEST_F(UnlinkUnused, LeavesEverythingElseThatHasTheName) {
    const RegionIdentity file = make();
    const RegionIdentity other = make("y");
    EXPECT_EQ(unlink_unused(path(), other).kind, Kind::not_there);
    std::filesystem::create_symlink(path("y"), path("link"));
    EXPECT_EQ(unlink_unused(path("link"), other).kind, Kind::not_there) << "a link to it is not it";
    std::filesystem::create_directory(path("directory"));
    const RegionIdentity directory = *RegionFiles::identity(path("directory"));
    EXPECT_EQ(unlink_unused(path("directory"), directory).kind, Kind::not_there);
    for (const char* name : {"x", "y", "link", "directory"}) EXPECT_TRUE(exists(name)) << name;
    EXPECT_EQ(unlink_unused(path(), file).kind, Kind::done);
}

TEST_F(UnlinkUnused, TakesNoLeaseWhileItsSignalWouldEndTheProcess) {
    const RegionIdentity file = make();
    std::signal(SIGIO, SIG_DFL);
    const Unlinking result = unlink_unused(path(), file);
    ignore_broken_leases();
    EXPECT_EQ(result.kind, Kind::untold);
    EXPECT_EQ(result.error, ENOTSUP);
    EXPECT_TRUE(exists());
}

TEST_F(UnlinkUnused, LeavesAFileThatIsLeasedAlready) {
    const RegionIdentity file = make();
    const UniqueFd open(::open(path().c_str(), O_RDONLY | O_CLOEXEC));
    ASSERT_EQ(::fcntl(open.get(), F_SETLEASE, F_WRLCK), 0);
    EXPECT_EQ(unlink_unused(path(), file).kind, Kind::in_use);
    EXPECT_TRUE(exists());
}

}  // namespace
}  // namespace ivshmemd::test
