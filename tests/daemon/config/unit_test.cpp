#include "daemon/config/unit.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

#include "tests/support/temp_dir.h"

// The unit of the service as it is installed, drop-ins included, against a configuration.

namespace ivshmemd::test {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class InstalledUnit : public testing::Test {
  protected:
    InstalledUnit() { config_.region_dir = directory_.path(); }

    void write(const std::string& path, const std::string& text) {
        const fs::path file = root_.path().string() + path;
        fs::create_directories(file.parent_path());
        std::ofstream(file) << "[Service]\n" << text;
    }
    std::vector<std::string> warnings() {
        return warn_of_places(config_, read_unit(root_.path().string()));
    }

    const std::string units_ = "/usr/lib/systemd/system/ivshmemd.service";
    const std::string administrators_ = "/etc/systemd/system/ivshmemd.service";
    const TempDir root_;
    const TempDir directory_ = TempDir::shared_memory();
    Config config_;
};

TEST_F(InstalledUnit, IsNoneWhereThereIsNoService) {
    EXPECT_FALSE(read_unit(root_.path().string()));
    EXPECT_THAT(warnings(), IsEmpty());
    config_.region_dirs = {{"big", "/nonexistent"}};
    EXPECT_THAT(warnings(), ElementsAre(HasSubstr("(big), cannot be used by ivshmemd: No such")));
}

TEST_F(InstalledUnit, LacksALineUntilADropInHasIt) {
    config_.region_dirs = {{"big", "/var"}};
    write(units_, "ProtectSystem=strict\nReadWritePaths=/dev/shm\n");
    EXPECT_THAT(warnings(),
                ElementsAre(HasSubstr("/var (big), cannot be used by ivshmemd.service: Read-only "
                                      "file system; where the unit")));
    EXPECT_THAT(warnings(), ElementsAre(HasSubstr("ReadWritePaths=/var;")));
    write(administrators_ + ".d/50-big.conf", "ReadWritePaths=/var\n");
    EXPECT_THAT(warnings(), IsEmpty());
    write("/run/systemd/system/ivshmemd.service.d/50-big.conf", "");
    EXPECT_THAT(warnings(), IsEmpty()) << "the administrator's wins";
    write(units_ + ".d/60-none.conf", "ReadWritePaths=\nReadWritePaths=/dev/shm\n");
    EXPECT_THAT(warnings(), ElementsAre(HasSubstr("ReadWritePaths=/var;")));
    write(administrators_, "ReadWritePaths=\n");
    EXPECT_THAT(warnings(), IsEmpty()) << "another unit altogether";
}

TEST_F(InstalledUnit, IsNotWhoeverChecksIt) {
    config_.region_dirs = {{"big", "/var/../nowhere"}};
    write(units_, "User=somebody\n");
    EXPECT_THAT(warnings(), ElementsAre(HasSubstr("install -d -o somebody")));
}

}  // namespace
}  // namespace ivshmemd::test
