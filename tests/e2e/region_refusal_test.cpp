#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "tests/e2e/refusal_fixture.h"
#include "tests/support/root.h"

// Files that are no region, or cannot become one, are refused before QEMU hears of them.

namespace ivshmemd::test {
namespace {

namespace fs = std::filesystem;

TEST_F(Refusal, OfRegionsThatAreNoPlainFiles) {
    make_file(region_file("target"), 1 << 20);
    fs::create_symlink(region_file("target"), region_file("link"));
    fs::create_symlink(region_file("nowhere"), region_file("dangling"));
    fs::create_directory(region_file("directory"));
    ASSERT_EQ(::mkfifo(region_file("fifo").c_str(), 0600), 0);
    remember_files();
    for (const char* region : {"link", "dangling", "directory", "fifo"}) {
        refuse({"shm0", "--size", "1M", "--region", region}, 6, "RegionMismatch");
    }
}

TEST_F(Refusal, OfRegionsOfAnotherSize) {
    make_file(region_file("small"), 4096);
    make_file(region_file("large"), 2 << 20);
    make_file(region_file("empty"), 0);
    make_file(region_file("odd"), 3 << 20);
    remember_files();
    for (const char* region : {"small", "large", "odd"}) {
        refuse({"shm0", "--size", "1M", "--region", region}, 6, "RegionMismatch");
    }
    // Taken from the file, the size is no better than if it had been given.
    refuse({"shm0", "--region", "odd"}, 2, "BadSize");
    refuse({"shm0", "--region", "empty"}, 2, "BadSize");
    EXPECT_EQ(fs::file_size(region_file("odd")), 3u << 20);
    EXPECT_EQ(fs::file_size(region_file("small")), 4096u);
}

TEST_F(Refusal, OfRegionsThatAnUntrustedUserOwns) {
    make_file(region_file("foreign"), 1 << 20);
    remember_files();
    if (::chown(region_file("foreign").c_str(), 12345, 12345) != 0) {
        return skip_without_root("only root gives files away");
    }
    refuse({"shm0", "--size", "1M", "--region", "foreign"}, 4,
           "org.varlink.service.PermissionDenied");
    refuse({"foreign"}, 4, "org.varlink.service.PermissionDenied");
}

TEST_F(Refusal, OfRegionsWithoutADirectory) {
    daemon_.reset();
    const fs::path missing = dir_ / "missing";
    fs::create_directory(missing);
    start_daemon({&*vm_}, {.region_dir = missing});
    fs::remove(missing);
    refuse({"shm0", "--size", "1M"}, 1, "RegionUnavailable");
    EXPECT_FALSE(fs::exists(missing));
}

/// A file system of one MiB, gone with this object.
class SmallFileSystem {
  public:
    explicit SmallFileSystem(fs::path where) : where_(std::move(where)) {
        fs::create_directory(where_);
        mounted_ = ::mount("ivshmemd-test", where_.c_str(), "tmpfs", 0, "size=1M") == 0;
    }
    ~SmallFileSystem() {
        if (mounted_) ::umount2(where_.c_str(), MNT_DETACH);
    }
    SmallFileSystem(const SmallFileSystem&) = delete;
    SmallFileSystem& operator=(const SmallFileSystem&) = delete;
    explicit operator bool() const { return mounted_; }
    const fs::path& path() const { return where_; }

  private:
    fs::path where_;
    bool mounted_ = false;
};

TEST_F(Refusal, OfRegionsThatDoNotFitTheFileSystem) {
    const SmallFileSystem small(dir_ / "small");
    if (!small) GTEST_SKIP() << "mounting a tmpfs is not permitted here";
    daemon_.reset();
    start_daemon({&*vm_}, {.region_dir = small.path()});
    // Both sizes: more than there is at all, and more than is left.
    refuse({"shm0", "--size", "64M"}, 1, "RegionUnavailable");
    make_file(small.path() / "other", 0);
    std::ofstream(small.path() / "other") << std::string(512 << 10, 'x');
    refuse({"shm0", "--size", "1M"}, 1, "RegionUnavailable");
    EXPECT_EQ(files_in(small.path()), std::set<std::string>{"other"});
    EXPECT_GE(fs::space(small.path()).available, 500u << 10) << "what was reserved is given back";
}

}  // namespace
}  // namespace ivshmemd::test
