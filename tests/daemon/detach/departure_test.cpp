#include "daemon/vm/refresh.h"
#include "tests/daemon/vm/operation_fixture.h"

// A device leaves QOM some time before QEMU says so, and another of its name may have come by then.

namespace ivshmemd::test {
namespace {

using namespace std::chrono_literals;

class Departure : public DetachFixture {
  protected:
    /// The device leaves QOM, and the daemon sees that before it hears of it.
    void depart() {
        pc_.take_out("ivshmemd.x");
        loop_.run(refresh_for_read(vm()));
        ASSERT_TRUE(vm()->departures().find("/machine/peripheral/ivshmemd.x"));
    }
};

TEST_F(Departure, IsOverWhenQemuSaysSo) {
    start_with_device(FakePc::Guest::keeps);
    depart();
    EXPECT_TRUE(pc_.has_backend("ivshmemd.x.mem")) << "QEMU may still use it";
    pc_.tell_deleted("ivshmemd.x");
    EXPECT_TRUE(wait_event(EventKind::vanished, "x"));
    EXPECT_FALSE(pc_.has_backend("ivshmemd.x.mem"));
}

TEST_F(Departure, IsOverAfterAWhileEvenIfQemuSaysNothing) {
    host_.deadlines.departed = 20ms;
    start_with_device(FakePc::Guest::keeps);
    depart();
    EXPECT_TRUE(wait_event(EventKind::vanished, "x"));
    EXPECT_FALSE(pc_.has_backend("ivshmemd.x.mem"));
}

TEST_F(Departure, IsNotEndedByThePatienceWithAnEarlierOne) {
    host_.deadlines.departed = 100ms;
    start_with_device(FakePc::Guest::keeps);
    depart();
    pc_.tell_deleted("ivshmemd.x");
    ASSERT_TRUE(wait_event(EventKind::vanished, "x"));
    ASSERT_TRUE(attach_now(request("x")));
    host_.deadlines.departed = 1h;
    depart();
    pass(200ms);
    EXPECT_TRUE(pc_.has_backend("ivshmemd.x.mem"));
    EXPECT_EQ(count_events(EventKind::vanished), 1u);
}

TEST_F(Departure, IsNotWhatALateWordOfAnEarlierOneMeans) {
    start_with_device(FakePc::Guest::keeps);
    const auto leaving = start_detach(leave("x"));
    ASSERT_TRUE(wait_event(EventKind::detaching, "x"));
    const std::size_t before = pc_.count("qom-get");
    pc_.tell_deleted("ivshmemd.x");
    ASSERT_TRUE(loop_.run_until([&] { return pc_.count("qom-get") > before; }));
    loop_.run(refresh_for_read(vm()));
    EXPECT_FALSE(leaving->done);
    EXPECT_EQ(count_events(EventKind::leaked), 0u);
    pc_.eject("ivshmemd.x");
    const Result<Detached> detached = finish(leaving);
    ASSERT_TRUE(detached);
    EXPECT_EQ(*detached, Detached::removed);
    EXPECT_FALSE(pc_.has_backend("ivshmemd.x.mem"));
}

}  // namespace
}  // namespace ivshmemd::test
