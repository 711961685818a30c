#include "lib/unit_sandbox.h"

#include <gmock/gmock.h>

#include <cerrno>
#include <fstream>
#include <iterator>

// What a service's unit keeps from it, and the lines that give it back.

namespace ivshmemd::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

Place directory(const std::string& path, int error = 0) {
    return {"big", path, false, error};
}
Place device(const std::string& path, int error = 0) {
    return {"kvmfr0", path, true, error};
}

UnitSandbox unit_of(const std::string& lines) {
    UnitSandbox unit;
    unit.add("[Service]\n" + lines);
    return unit;
}

UnitSandbox shipped() {
    std::ifstream file(IVSHMEMD_SOURCE_DIR "/systemd/ivshmemd.service");
    UnitSandbox unit;
    unit.add(std::string((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>()));
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
    unit.add(drop_in);
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
    unit.add("[Service]\nReadWritePaths=\n# ReadWritePaths=/b\nReadWritePaths=/d \\\n  /e\n");
    EXPECT_EQ(unit.error_at(directory("/b")), EROFS);
    EXPECT_EQ(unit.error_at(directory("/e")), 0);
    unit.add("[Unit]\nProtectSystem=no\n");
    EXPECT_EQ(unit.error_at(directory("/b")), EROFS) << "of another section";
    unit.add("[Service]\nProtectSystem=full");
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
    unit.add("[Service]\nDeviceAllow=/dev/x\n");
    EXPECT_EQ(unit.error_at(device("/dev/x")), 0);
    EXPECT_EQ(unit_of("DeviceAllow=char-misc rw").error_at(device("/dev/x")), 0) << "perhaps";
}

TEST(Place, TellsWhatToDo) {
    const Place closed = directory("/srv/r", EACCES);
    EXPECT_THAT(fault_of_place(closed),
                HasSubstr("/srv/r (big), cannot be used by ivshmemd: Permission denied"));
    EXPECT_EQ(mend_place(closed, "me"), "let the user me write to it (ls -ld /srv/r)");
    EXPECT_EQ(mend_place(directory("/srv/r", ENOENT), "me"),
              "make it where it is missing: install -d -o me /srv/r");
    EXPECT_EQ(mend_place(directory("/srv/r", EROFS), "me"),
              "where the unit of a service is in the way, put into [Service] of a drop-in "
              "(systemctl edit ivshmemd): ReadWritePaths=/srv/r; then systemctl restart ivshmemd");
    EXPECT_THAT(mend_place(directory("/home/r", EACCES), "me"),
                HasSubstr("ls -ld /home/r); where the unit of a service is in the way"));
    EXPECT_THAT(mend_place(directory("/srv/r", ENOTDIR), "me"), HasSubstr("correct its path"));
    EXPECT_THAT(mend_place(device("/srv/r", ENOENT), "me"), Not(HasSubstr("[Service]")));
    EXPECT_THAT(mend_place(device("/dev/kvmfr0", ENOENT), "me"),
                HasSubstr("load the driver that provides it; where the unit of a service is in "
                          "the way, put into [Service] of a drop-in (systemctl edit ivshmemd): "
                          "PrivateDevices=no and DeviceAllow=/dev/kvmfr0 rw; then"));
}

TEST(Place, AreListedInOrder) {
    const RegionPlaces places{"/dev/shm", {{"big", "/huge"}}, {{"kvmfr0", {"/dev/kvmfr0"}}}};
    EXPECT_THAT(list_places(places),
                ElementsAre(Place{"", "/dev/shm"}, directory("/huge"), device("/dev/kvmfr0")));
}

}  // namespace
}  // namespace ivshmemd::test
