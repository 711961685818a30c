#include "lib/place.h"

#include <gmock/gmock.h>

#include <cerrno>

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
