#include "lib/change.h"

#include <gtest/gtest.h>

namespace ivshmemd {
namespace {

Device device(const std::string& name, Role role, DeviceState state = DeviceState::attached) {
    Device there;
    there.spec.name = name;
    there.spec.role = role;
    there.origin = Origin::managed;
    there.state = state;
    return there;
}

TEST(InterruptedChange, HasBroughtWhatWasToComeAndIsNotWhatWasToLeave) {
    ChangeRecord record;
    const std::string coming = "x";
    EXPECT_FALSE(came_by(record, coming, std::nullopt));
    EXPECT_TRUE(came_by(record, coming, device("x", Role::peer)));
    EXPECT_TRUE(came_by(record, coming, device("x", Role::peer, DeviceState::detaching)));
    Device foreign = device("x", Role::peer);
    foreign.origin = Origin::foreign;
    EXPECT_FALSE(came_by(record, coming, foreign));

    record.leaving = {spec_to_repeat(device("x", Role::master))};
    EXPECT_TRUE(came_by(record, coming, device("x", Role::peer))) << "the new one";
    EXPECT_FALSE(came_by(record, coming, device("x", Role::master))) << "it has not left yet";
}

TEST(InterruptedChange, HasToBringBackWhatIsNotThereAsItWas) {
    const DeviceSpec before = spec_to_repeat(device("x", Role::peer));
    EXPECT_TRUE(has_to_return(before, std::nullopt));
    EXPECT_TRUE(has_to_return(before, device("x", Role::master)));
    EXPECT_TRUE(has_to_return(before, device("x", Role::peer, DeviceState::detaching)));
    EXPECT_FALSE(has_to_return(before, device("x", Role::peer)));
}

}  // namespace
}  // namespace ivshmemd
