#include "lib/idle_guest.h"

#include <gmock/gmock.h>

#include "tests/daemon/vm/operation_fixture.h"

namespace ivshmemd::test {
namespace {

using testing::HasSubstr;

TEST(IdleGuest, IsNeededWithoutKvmFrom52To71) {
    struct Case {
        Version version;
        bool kvm;
        bool needed;
    };
    const Case cases[] = {{{4, 2, 0}, false, false}, {{5, 2, 0}, false, true},
                          {{5, 2, 0}, true, false},  {{7, 1, 9}, false, true},
                          {{7, 2, 0}, false, false}, {{11, 1, 3}, false, false}};
    for (const Case& each : cases) {
        SCOPED_TRACE(to_string(each.version));
        Capabilities qemu;
        qemu.version = each.version;
        qemu.accelerated = each.kvm;
        EXPECT_EQ(adds_to_idle_guests_only(qemu), each.needed);
    }
}

// A fake QEMU has no process of its own for /proc to tell of.
class AttachToAGuestThatMayBeBusy : public OperationFixture {};

TEST_F(AttachToAGuestThatMayBeBusy, IsRefusedWhereQemuWouldStandStill) {
    pc_.qemu().version(5, 2);
    start();
    const Result<Attached> refused = attach_now(request("x"));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind, ErrorKind::config_unsupported);
    EXPECT_THAT(refused.error().message, HasSubstr("its process is not known"));
    EXPECT_EQ(pc_.count("object-add") + pc_.count("device_add"), 0u);
    EXPECT_FALSE(region_exists("x"));
}

TEST_F(AttachToAGuestThatMayBeBusy, IsNoMatterToALaterQemu) {
    start();
    EXPECT_TRUE(attach_now(request("x")));
}

}  // namespace
}  // namespace ivshmemd::test
