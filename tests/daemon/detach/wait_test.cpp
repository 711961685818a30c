#include "daemon/detach/detach.h"
#include "tests/daemon/vm/operation_fixture.h"

namespace ivshmemd::test {
namespace {

constexpr const char* path_of_x = "/machine/peripheral/ivshmemd.x";

class DetachWait : public DetachFixture {};

TEST_F(DetachWait, IsPendingPastTheDeadlineAndCompletesLater) {
    start_with_device(FakePc::Guest::keeps);
    const Result<Detached> result = detach_now(leave("x", Milliseconds(60)));
    ASSERT_TRUE(result) << result.error().message;
    EXPECT_EQ(*result, Detached::pending);
    ASSERT_EQ(vm()->devices().size(), 1u);
    EXPECT_EQ(vm()->devices()[0].state, DeviceState::detaching);
    EXPECT_TRUE(pc_.has_backend("ivshmemd.x.mem"));
    ASSERT_EQ(host_.store->get().removals.size(), 1u);
    EXPECT_EQ(host_.store->get().removals[0].device, "x");
    pc_.eject("ivshmemd.x");
    ASSERT_TRUE(wait_event(EventKind::detached, "x"));
    EXPECT_FALSE(pc_.has_backend("ivshmemd.x.mem"));
    EXPECT_TRUE(host_.store->get().removals.empty());
    EXPECT_EQ(count_events(EventKind::vanished), 0u);
}

TEST_F(DetachWait, JoinsARemovalUnderWay) {
    start_with_device(FakePc::Guest::keeps);
    const auto deleted = pc_.count("object-del");
    const auto first = start_detach(leave("x"));
    ASSERT_TRUE(loop_.run_until([this] { return pc_.count("device_del") == 1; }));
    const auto second = start_detach(leave("x"));
    pass(Milliseconds(30));
    EXPECT_FALSE(first->done);
    EXPECT_FALSE(second->done);
    EXPECT_EQ(pc_.count("device_del"), 1u);
    pc_.eject("ivshmemd.x");
    EXPECT_EQ(*finish(first), Detached::removed);
    EXPECT_EQ(*finish(second), Detached::removed);
    EXPECT_EQ(pc_.count("object-del"), deleted + 1);
}

TEST_F(DetachWait, HoldsUpNoOtherOperationWhileTheGuestTakesItsTime) {
    start_with_device(FakePc::Guest::keeps);
    const auto waiting = start_detach(leave("x"));
    ASSERT_TRUE(loop_.run_until([this] { return pc_.count("device_del") == 1; }));
    EXPECT_TRUE(attach_now(request("y")));
    EXPECT_FALSE(waiting->done);
    pc_.eject("ivshmemd.x");
    EXPECT_EQ(*finish(waiting), Detached::removed);
}

TEST_F(DetachWait, EndsWithTheGuestsRefusalAndStartsAnewNextTime) {
    start_with_device(FakePc::Guest::refuses);
    const Result<Detached> result = detach_now(leave("x"));
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().kind, ErrorKind::detach_refused);
    EXPECT_EQ(count_events(EventKind::detach_refused, "x"), 1u);
    EXPECT_EQ(vm()->devices()[0].state, DeviceState::attached);
    pc_.set_guest(FakePc::Guest::lets_go);
    EXPECT_EQ(*detach_now(leave("x")), Detached::removed);
}

// What was refused is nobody's intent: the next daemon must not take the device out.
TEST_F(DetachWait, IsForgottenWithARefusal) {
    start_with_device(FakePc::Guest::refuses);
    DetachRequest wanted = leave("x");
    wanted.remove_region = true;  // is written down before the guest is asked
    ASSERT_FALSE(detach_now(wanted));
    EXPECT_TRUE(loop_.run_until([this] { return host_.store->get().removals.empty(); }));
    pc_.on("device_del", [](const json&) { return FakeQemu::error("GenericError", "no"); });
    ASSERT_FALSE(detach_now(wanted));
    EXPECT_TRUE(loop_.run_until([this] { return host_.store->get().removals.empty(); }));
    EXPECT_TRUE(region_exists("x"));
}

TEST_F(DetachWait, AsksAgainWhileTheSlotsPowerIndicatorBlinks) {
    start_with_device(FakePc::Guest::lets_go);
    int times = 0;
    pc_.on("device_del", [&](const json& arguments) {
        if (++times == 1) {
            return FakeQemu::error("GenericError",
                                   "Hot-unplug failed: guest is busy "
                                   "(power indicator blinking)");
        }
        return pc_.real("device_del", arguments);
    });
    const auto begin = SteadyClock::now();
    const Result<Detached> result = detach_now(leave("x"));
    ASSERT_TRUE(result) << result.error().message;
    EXPECT_EQ(*result, Detached::removed);
    EXPECT_EQ(pc_.count("device_del"), 2u);
    EXPECT_GE(SteadyClock::now() - begin, host_.deadlines.unplug_again);
}

TEST_F(DetachWait, AsksAgainForAForgottenRequestWhenNobodyWaitsAnyMore) {
    start_with_device(FakePc::Guest::lets_go);
    pc_.on("device_del", [&](const json& arguments) {
        if (pc_.count("device_del") < 3) {
            return FakeQemu::error("GenericError",
                                   "Hot-unplug failed: guest is busy "
                                   "(power indicator blinking)");
        }
        return pc_.real("device_del", arguments);
    });
    host_.deadlines.unplug_again = Milliseconds(50);
    EXPECT_EQ(*detach_now(leave("x", Milliseconds(0))), Detached::pending);
    ASSERT_TRUE(wait_event(EventKind::detached, "x"));
    EXPECT_EQ(pc_.count("device_del"), 3u);
}

TEST_F(DetachWait, AsksAgainAfterAResetThatTheDeviceSurvived) {
    start_with_device(FakePc::Guest::keeps);
    host_.deadlines.unplug_again = Milliseconds(50);
    EXPECT_EQ(*detach_now(leave("x", Milliseconds(0))), Detached::pending);
    pc_.set_run_state("running", "RESET");
    ASSERT_TRUE(loop_.run_until([this] { return pc_.count("device_del") == 2; }));
    pc_.eject("ivshmemd.x");
    ASSERT_TRUE(wait_event(EventKind::detached, "x"));
}

// QEMU takes a request before the guest has its hotplug driver, and nothing ever comes of it.
TEST_F(DetachWait, IsAskedAgainWithoutAnybodyWaitingUntilTheGuestHears) {
    start_with_device(FakePc::Guest::keeps);
    host_.deadlines.unplug_again = Milliseconds(20);
    EXPECT_EQ(*detach_now(leave("x", Milliseconds(0))), Detached::pending);
    pc_.set_guest(FakePc::Guest::lets_go);
    EXPECT_TRUE(wait_event(EventKind::detached, "x"));
    EXPECT_GE(pc_.count("device_del"), 2u);
}

TEST_F(DetachWait, IsOverWhenTheDeviceLeftWhileTheConnectionWasLost) {
    start_with_device(FakePc::Guest::keeps);
    host_.deadlines.departed = Milliseconds(20);
    EXPECT_EQ(*detach_now(leave("x", Milliseconds(0))), Detached::pending);
    pc_.qemu().disconnect();
    pc_.take_out("ivshmemd.x");  // and DEVICE_DELETED comes to nobody
    ASSERT_TRUE(wait_event(EventKind::detached, "x"));
    EXPECT_FALSE(pc_.has_backend("ivshmemd.x.mem"));
    EXPECT_TRUE(host_.store->get().removals.empty());
    ASSERT_TRUE(attach_now(request("x")));
    EXPECT_EQ(vm()->device("x")->state, DeviceState::attached);
}

TEST_F(DetachWait, GoesOnWhenTheConnectionEndedWithTheRequestUnderWay) {
    start_with_device(FakePc::Guest::keeps);
    host_.deadlines.unplug_again = Milliseconds(20);
    bool first = true;
    pc_.on("device_del", [this, &first](const json& arguments) {
        if (!std::exchange(first, false)) return pc_.real("device_del", arguments);
        pc_.qemu().disconnect();
        return json();  // never heard of it
    });
    const Result<Detached> detached = detach_now(leave("x"));
    ASSERT_FALSE(detached);
    pc_.set_guest(FakePc::Guest::lets_go);
    EXPECT_TRUE(wait_event(EventKind::detached, "x")) << "it was asked for, and is asked again";
}

TEST_F(DetachWait, SeesADeviceThatLeavesBetweenGreetingAndAdoption) {
    start_with_device(FakePc::Guest::keeps);
    host_.deadlines.departed = Milliseconds(20);
    pc_.on("query-uuid", [this](const json& arguments) {
        if (pc_.has_device("ivshmemd.x")) pc_.eject("ivshmemd.x");
        return pc_.real("query-uuid", arguments);
    });
    pc_.qemu().disconnect();
    ASSERT_TRUE(wait_event(EventKind::vanished, "x"));
    EXPECT_FALSE(pc_.has_backend("ivshmemd.x.mem"));
}

TEST_F(DetachWait, TakesTheRegionAlongForOneWhoJoinsWhileItIsClearedAway) {
    start_with_device(FakePc::Guest::keeps);
    const auto first = start_detach(leave("x"));
    ASSERT_TRUE(loop_.run_until([this] { return pc_.count("device_del") == 1; }));
    pc_.hold("object-del");
    pc_.eject("ivshmemd.x");
    ASSERT_TRUE(loop_.run_until([this] { return pc_.count("object-del") == 1; }));
    DetachRequest wanted = leave("x");
    wanted.remove_region = true;
    const auto second = start_detach(wanted);
    loop_.run_until([&] { return vm()->departures().find(path_of_x)->remove_region; });
    pc_.release();
    EXPECT_EQ(*finish(first), Detached::removed);
    EXPECT_EQ(*finish(second), Detached::removed);
    EXPECT_FALSE(region_exists("x"));
}

TEST_F(DetachWait, DoesNotAskAPausedVmAgainAfterAReset) {
    start_with_device(FakePc::Guest::keeps);
    host_.deadlines.unplug_again = Milliseconds(20);
    pc_.set_run_state("paused", "STOP");
    ASSERT_TRUE(loop_.run_until([this] { return vm()->run_state() == "paused"; }));
    EXPECT_EQ(*detach_now(leave("x", Milliseconds(0))), Detached::pending);
    pc_.set_run_state("prelaunch", "RESET");
    pass(Milliseconds(120));
    EXPECT_EQ(pc_.count("device_del"), 1u);
    pc_.set_run_state("running", "RESUME");
    EXPECT_TRUE(loop_.run_until([this] { return pc_.count("device_del") == 2; }));
}

TEST_F(DetachWait, AsksAgainAfterTheIntervalAndNotBefore) {
    start_with_device(FakePc::Guest::keeps);
    host_.deadlines.unplug_again = Milliseconds(120);
    const auto begin = SteadyClock::now();
    const auto waiting = start_detach(leave("x"));
    ASSERT_TRUE(loop_.run_until([this] { return pc_.count("device_del") == 3; }));
    EXPECT_GE(SteadyClock::now() - begin, Milliseconds(240));
    pc_.eject("ivshmemd.x");
    EXPECT_EQ(*finish(waiting), Detached::removed);
}

TEST_F(DetachWait, DoesNotAskAgainWhileTheVmIsPaused) {
    start_with_device(FakePc::Guest::keeps);
    pc_.set_run_state("paused", "STOP");
    ASSERT_TRUE(loop_.run_until([this] { return vm()->run_state() == "paused"; }));
    host_.deadlines.unplug_again = Milliseconds(10);
    const Result<Detached> result = detach_now(leave("x", Milliseconds(150)));
    EXPECT_EQ(*result, Detached::pending);
    EXPECT_EQ(pc_.count("device_del"), 1u);
    ASSERT_FALSE(progress_.empty());
    EXPECT_NE(progress_[0].find("paused"), std::string::npos);
}

TEST_F(DetachWait, TakesAlreadyAskedForAsPending) {
    start_with_device(FakePc::Guest::keeps);
    pc_.set_run_state("paused", "STOP");
    ASSERT_TRUE(loop_.run_until([this] { return vm()->run_state() == "paused"; }));
    pc_.real("device_del", {{"id", "ivshmemd.x"}});  // somebody else asked
    EXPECT_EQ(*detach_now(leave("x", Milliseconds(30))), Detached::pending);
}

TEST_F(DetachWait, FailsAtOnceWhenTheConnectionIsLost) {
    start_with_device(FakePc::Guest::keeps);
    // Neither its own end nor the next connection can be what ends the wait.
    host_.deadlines.backoff_min = host_.deadlines.backoff_max = std::chrono::hours(1);
    const auto waiting = start_detach(leave("x", std::chrono::hours(1)));
    ASSERT_TRUE(loop_.run_until([this] { return pc_.count("device_del") == 1; }));
    pc_.qemu().disconnect();
    const Result<Detached> result = finish(waiting);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().kind, ErrorKind::vm_unavailable);
    EXPECT_TRUE(wait_state(VmState::unreachable));
}

TEST_F(DetachWait, RemembersAPendingRemovalOverAReconnection) {
    start_with_device(FakePc::Guest::keeps);
    DetachRequest wanted = leave("x", Milliseconds(20));
    wanted.remove_region = true;
    ASSERT_EQ(*detach_now(wanted), Detached::pending);
    pc_.qemu().disconnect();
    ASSERT_TRUE(loop_.run_until([this] { return vm()->state() != VmState::connected; }));
    ASSERT_TRUE(wait_state(VmState::connected));
    ASSERT_EQ(vm()->devices().size(), 1u);
    EXPECT_EQ(vm()->devices()[0].state, DeviceState::detaching);
    pc_.eject("ivshmemd.x");
    ASSERT_TRUE(wait_event(EventKind::detached, "x"));
    EXPECT_TRUE(loop_.run_until([this] { return !region_exists("x"); }));
}

TEST_F(DetachWait, ReportsAnUnknownOutcomeOfASilentQemu) {
    start_with_device(FakePc::Guest::keeps);
    host_.deadlines.query = Milliseconds(60);
    pc_.mute(true);
    const Result<Detached> result = detach_now(leave("x"));
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().kind, ErrorKind::timed_out);
    EXPECT_EQ(detail(result.error(), "outcome"), "unknown");
    EXPECT_EQ(vm()->state(), VmState::unresponsive);
}

}  // namespace
}  // namespace ivshmemd::test
