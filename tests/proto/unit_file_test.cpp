#include "proto/unit_file.h"

#include <gmock/gmock.h>

#include <cerrno>
#include <fstream>
#include <iterator>

// What a service's unit keeps from it, and the lines that give it back.

namespace ivshmemd::test {
namespace {

using testing::ElementsAre;

Place directory(const std::string& path, int error = 0) {
    return {"big", path, false, error};
}
Place device(const std::string& path, int error = 0) {
    return {"kvmfr0", path, true, error};
}

UnitSandbox unit_of(const std::string& lines) {
    UnitSandbox unit;
    add_unit_text(unit, "[Service]\n" + lines);
    return unit;
}

UnitSandbox shipped() {
    std::ifstream file(IVSHMEMD_SOURCE_DIR "/systemd/ivshmemd.service");
    UnitSandbox unit;
    add_unit_text(unit, std::string((std::istreambuf_iterator<char>(file)),
                                    std::istreambuf_iterator<char>()));
    return unit;
}

struct Kept {
    Place place;
    int error;
    std::vector<std::string> lines;
};

void PrintTo(const Kept& kept, std::ostream* out) {
    *out << kept.place.path;
}

class ShippedUnit : public testing::TestWithParam<Kept> {};

TEST_P(ShippedUnit, KeepsWhatTheseLinesGiveBack) {
    const Kept& kept = GetParam();
    UnitSandbox unit = shipped();
    EXPECT_EQ(unit.error_at(kept.place), kept.error);
    Place place = kept.place;
    place.error = kept.error;
    const std::vector<std::string> lines = missing_unit_lines(place);
    EXPECT_EQ(lines, kept.lines);
    std::string drop_in = "[Service]\n";
    for (const std::string& line : lines) drop_in += line + "\n";
    add_unit_text(unit, drop_in);
    EXPECT_EQ(unit.error_at(kept.place), 0);
}

INSTANTIATE_TEST_SUITE_P(
    All, ShippedUnit,
    testing::Values(
        Kept{directory("/dev/shm"), 0, {}}, Kept{directory("/dev/shm/vms"), 0, {}},
        Kept{directory("/dev/hugepages/ivshmem"), 0, {}},
        Kept{directory("/mnt/huge"), EROFS, {"ReadWritePaths=/mnt/huge"}},
        Kept{directory("/mnt/50% huge"), EROFS, {"ReadWritePaths=\"/mnt/50%% huge\""}},
        Kept{directory("/dev/huge1G"), ENOENT, {"BindPaths=/dev/huge1G"}},
        Kept{directory("/tmp/r"), ENOENT, {"BindPaths=/tmp/r"}},
        Kept{directory("/tmpfs"), EROFS, {"ReadWritePaths=/tmpfs"}},
        Kept{directory("/home/alice/r"), ENOENT, {"ProtectHome=tmpfs", "BindPaths=/home/alice/r"}},
        Kept{device("/dev/kvmfr0"), ENOENT, {"PrivateDevices=no", "DeviceAllow=/dev/kvmfr0 rw"}}));

TEST(UnitSandbox, GoesByWhatTheLastLineSays) {
    UnitSandbox unit = unit_of("ProtectSystem=strict\nReadWritePaths=-/a +/b\n  \\\n /c\n");
    EXPECT_EQ(unit.error_at(directory("/a/x")), 0);
    EXPECT_EQ(unit.error_at(directory("/b")), 0);
    EXPECT_EQ(unit.error_at(directory("/bb")), EROFS);
    add_unit_text(unit,
                  "[Service]\nReadWritePaths=\n# ReadWritePaths=/b\nReadWritePaths=/d \\\n  /e\n");
    EXPECT_EQ(unit.error_at(directory("/b")), EROFS);
    EXPECT_EQ(unit.error_at(directory("/e")), 0);
    add_unit_text(unit, "[Unit]\nProtectSystem=no\n");
    EXPECT_EQ(unit.error_at(directory("/b")), EROFS) << "of another section";
    add_unit_text(unit, "[Service]\nProtectSystem=full");
    EXPECT_EQ(unit.error_at(directory("/b")), 0);
    EXPECT_EQ(unit.error_at(directory("/etc/r")), EROFS);
}

TEST(UnitSandbox, KnowsWhereSomethingIsBound) {
    UnitSandbox unit = unit_of("PrivateTmp=yes\nBindPaths=/srv/r:/tmp/r:rbind /tmp/s\n");
    EXPECT_EQ(unit.error_at(directory("/tmp/r")), 0);
    EXPECT_EQ(unit.error_at(directory("/tmp/s")), 0);
    EXPECT_EQ(unit.error_at(directory("/tmp/t")), ENOENT);
}

TEST(UnitSandbox, KnowsWhichDevicesAreAllowed) {
    EXPECT_EQ(UnitSandbox().error_at(device("/dev/x")), 0);
    UnitSandbox unit = unit_of("DevicePolicy=closed\nDeviceAllow=/dev/x r\n");
    EXPECT_EQ(unit.error_at(device("/dev/x")), EPERM) << "for reading alone";
    EXPECT_THAT(missing_unit_lines(device("/dev/x", EPERM)), ElementsAre("DeviceAllow=/dev/x rw"));
    add_unit_text(unit, "[Service]\nDeviceAllow=/dev/x\n");
    EXPECT_EQ(unit.error_at(device("/dev/x")), 0);
    EXPECT_EQ(unit_of("DeviceAllow=char-misc rw").error_at(device("/dev/x")), 0) << "perhaps";
}

}  // namespace
}  // namespace ivshmemd::test
