#include "daemon/detach/detach.h"
#include "tests/daemon/vm/operation_fixture.h"

namespace ivshmemd::test {
namespace {

/// What an earlier daemon was asked for.
class DetachIntent : public DetachFixture {
  protected:
    void leave_intent(const std::string& run) {
        SavedState state = host_.store->get();
        state.removals.push_back({"a", uuid, "x", "x", false, run});
        loop_.run(host_.store->put(state));
        pc_.put_backend("ivshmemd.x.mem", {region_path("x"), mebibyte, false});
        pc_.put_device("ivshmemd.x", {.slot = 20, .backend = "ivshmemd.x.mem"});
    }

    const std::string uuid = "11111111-0000-0000-0000-000000000000";
};

TEST_F(DetachIntent, IsFollowedInTheProcessItIsOf) {
    leave_intent(run_of_a());
    start();
    EXPECT_TRUE(wait_event(EventKind::detached, "x"));
    EXPECT_FALSE(pc_.has_device("ivshmemd.x"));
}

// A VM that was started again may have a device of that name on its command line.
TEST_F(DetachIntent, OfAnEarlierProcessLeavesTheDevicesOfTheNextOneBe) {
    host_.deadlines.unplug_again = Milliseconds(1);
    leave_intent("another run");
    start();
    ASSERT_TRUE(loop_.run_until([this] { return host_.store->get().removals.empty(); }));
    ASSERT_TRUE(attach_now(request("y")));  // whatever was to follow has had its turn
    EXPECT_TRUE(pc_.has_device("ivshmemd.x"));
    EXPECT_EQ(pc_.count("device_del"), 0u);
    EXPECT_EQ(vm()->device("x")->state, DeviceState::attached);
}

}  // namespace
}  // namespace ivshmemd::test
