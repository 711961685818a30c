#include "daemon/region/reservation.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "daemon/base/unique_fd.h"
#include "daemon/region/files.h"
#include "daemon/region/lease.h"
#include "tests/support/temp_dir.h"

namespace ivshmemd::test {
namespace {

constexpr std::uint64_t mebibyte = 1 << 20;

class ReserveInPlace : public testing::Test {
  protected:
    ReserveInPlace() { ignore_broken_leases(); }

    /// A file of that size with four bytes in it, and one page behind them.
    void make_sparse(std::uint64_t size) {
        std::ofstream(path_) << "kept";
        std::filesystem::resize_file(path_, size);
    }
    RegionIdentity identity() const { return *RegionFiles::identity(path_); }
    std::uint64_t allocated() const {
        struct stat status {};
        return ::stat(path_.c_str(), &status) == 0
                   ? static_cast<std::uint64_t>(status.st_blocks) * 512
                   : 0;
    }
    std::string content() const {
        std::string bytes(4, '\0');
        std::ifstream(path_).read(bytes.data(), 4);
        return bytes;
    }

    TempDir directory_ = TempDir::shared_memory();
    std::string path_ = directory_ / "x";
    RegionFiles files_{{directory_.path()}, std::nullopt};
};

TEST_F(ReserveInPlace, CompletesAFileAndKeepsWhatIsInIt) {
    make_sparse(mebibyte);
    const RegionFile file = RegionFiles::look(path_);
    EXPECT_EQ(missing_bytes(reservation_facts(file.handle.get(), mebibyte)), mebibyte - 4096);
    EXPECT_TRUE(files_.complete(file, path_, mebibyte));
    EXPECT_EQ(allocated(), mebibyte);
    EXPECT_EQ(content(), "kept");
    EXPECT_TRUE(files_.complete(file, path_, mebibyte)) << "again";
}

TEST_F(ReserveInPlace, TakesNothingWhereTooLittleWouldStayFree) {
    make_sparse(mebibyte);
    const RegionFiles careful({directory_.path()}, std::nullopt, 100);
    const Result<void> refused = careful.complete(RegionFiles::look(path_), path_, mebibyte);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind, ErrorKind::region_unavailable);
    EXPECT_EQ(allocated(), 4096u);
    EXPECT_FALSE(careful.create("new", mebibyte, ::geteuid()));
}

TEST_F(ReserveInPlace, FillsAnEmptyFileThatNobodyHasOpen) {
    std::ofstream(path_).close();
    {
        const std::ifstream open(path_);
        const Result<void> refused = files_.fill(path_, identity(), mebibyte);
        ASSERT_FALSE(refused);
        EXPECT_EQ(refused.error().kind, ErrorKind::region_unavailable);
    }
    ASSERT_TRUE(files_.fill(path_, identity(), mebibyte));
    EXPECT_EQ(allocated(), mebibyte);
    EXPECT_EQ(std::filesystem::file_size(path_), mebibyte);
}

TEST_F(ReserveInPlace, DoesNotFillAFileThatWasReplaced) {
    std::ofstream(path_).close();
    const RegionIdentity file = identity();
    std::ofstream(directory_ / "y").close();
    std::filesystem::rename(directory_ / "y", path_);
    const Result<void> refused = files_.fill(path_, file, mebibyte);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind, ErrorKind::region_mismatch);
}

}  // namespace
}  // namespace ivshmemd::test
