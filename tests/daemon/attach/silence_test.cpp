#include "daemon/attach/attach.h"
#include "daemon/state/regions.h"
#include "tests/daemon/vm/operation_fixture.h"

namespace ivshmemd::test {
namespace {

class AttachSilence : public OperationFixture {};

TEST_F(AttachSilence, ReportsAnUnknownOutcomeOfASilentQemuAndShowsALateDevice) {
    host_.deadlines.add = Milliseconds(80);
    start();
    host_.deadlines.query = Milliseconds(80);
    pc_.hold("device_add");
    const Result<Attached> attached = attach_now(request("x"));
    ASSERT_FALSE(attached);
    EXPECT_EQ(attached.error().kind, ErrorKind::timed_out);
    EXPECT_EQ(detail(attached.error(), "outcome"), "unknown");
    EXPECT_EQ(vm()->state(), VmState::unresponsive);
    EXPECT_TRUE(region_exists("x")) << "QEMU may still map it";
    EXPECT_EQ(host_.store->get().regions.size(), 1u);
    EXPECT_EQ(detail(*vm()->unavailable(), "state"), "unresponsive");
    host_.deadlines.query = Milliseconds(5000);
    pc_.release();
    ASSERT_TRUE(wait_state(VmState::connected));
    const Result<Attached> again = attach_now(request("x"));
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_FALSE(again->changed);
    EXPECT_TRUE(pc_.has_device("ivshmemd.x"));
    EXPECT_EQ(pc_.count("device_add"), 1u);
}

TEST_F(AttachSilence, CleansUpWhenALookShowsThatNothingHappened) {
    host_.deadlines.add = Milliseconds(80);
    start();
    pc_.on("device_add", [](const json&) { return json(); });
    const Result<Attached> attached = attach_now(request("x"));
    ASSERT_FALSE(attached);
    EXPECT_EQ(attached.error().kind, ErrorKind::timed_out);
    EXPECT_EQ(detail(attached.error(), "outcome"), "undone");
    EXPECT_FALSE(pc_.has_backend("ivshmemd.x.mem"));
    EXPECT_FALSE(region_exists("x"));
}

TEST_F(AttachSilence, SucceedsWhenALookShowsThatItHappened) {
    host_.deadlines.add = Milliseconds(80);
    start();
    pc_.on("device_add", [this](const json& arguments) {
        pc_.real("device_add", arguments);
        return json();
    });
    const Result<Attached> attached = attach_now(request("x"));
    ASSERT_TRUE(attached) << attached.error().message;
    EXPECT_TRUE(pc_.has_device("ivshmemd.x"));
}

TEST_F(AttachSilence, FailsAtOnceWhenTheConnectionIsLost) {
    host_.deadlines.add = Milliseconds(60000);
    start();
    pc_.hold("object-add");
    const auto running = start_attach(request("x"));
    ASSERT_TRUE(loop_.run_until([this] { return pc_.count("object-add") > 0; }));
    pc_.qemu().disconnect();
    const auto begin = SteadyClock::now();
    const Result<Attached> attached = finish(running);
    EXPECT_LT(SteadyClock::now() - begin, Milliseconds(5000));
    ASSERT_FALSE(attached);
    EXPECT_EQ(attached.error().kind, ErrorKind::vm_unavailable);
    EXPECT_EQ(detail(attached.error(), "state"), "unreachable");
}

TEST_F(AttachSilence, KeepsTheRegionOfADeviceThatAReconnectionShows) {
    host_.deadlines.refresh = Milliseconds(5000);
    start();
    // The command is carried out, and the connection lost before its answer.
    pc_.on("device_add", [this](const json& arguments) {
        pc_.real("device_add", arguments);
        pc_.qemu().disconnect();
        return json();
    });
    const Result<Attached> attached = attach_now(request("x"));
    ASSERT_FALSE(attached);
    EXPECT_EQ(attached.error().kind, ErrorKind::vm_unavailable);
    ASSERT_TRUE(wait_state(VmState::connected));
    ASSERT_TRUE(pc_.has_device("ivshmemd.x"));
    EXPECT_TRUE(region_exists("x")) << "a device maps it";
    EXPECT_EQ(host_.store->get().regions.size(), 1u);
    EXPECT_TRUE(loop_.run_until([this] { return unused_regions(*host_.store, "a").empty(); }));
}

// Without that it would be taken for one that served nobody, once its device has left.
TEST_F(AttachSilence, KeepsTheRegionOfADeviceThatQemuMadeLate) {
    start();
    host_.deadlines.add = host_.deadlines.query = Milliseconds(80);
    pc_.hold("device_add");
    const Result<Attached> attached = attach_now(request("x"));
    ASSERT_FALSE(attached);
    host_.deadlines.query = Milliseconds(2000);
    pc_.release();
    ASSERT_TRUE(wait_state(VmState::connected));
    ASSERT_TRUE(loop_.run_until([this] { return pc_.has_device("ivshmemd.x"); }));
    EXPECT_TRUE(loop_.run_until([this] { return unused_regions(*host_.store, "a").empty(); }));
    EXPECT_TRUE(region_exists("x"));
}

TEST_F(AttachSilence, SendsNothingMoreToAQemuThatGivesNoAnswerToALook) {
    start();
    host_.deadlines.query = Milliseconds(60);
    pc_.mute(true);
    vm()->doubt();
    const Result<Attached> attached = attach_now(request("x"));
    ASSERT_FALSE(attached);
    EXPECT_EQ(pc_.count("object-add"), 0u);
    EXPECT_FALSE(region_exists("x"));
}

TEST_F(AttachSilence, IsRefusedByAQemuThatLeavesTooMuchUnanswered) {
    host_.deadlines.write = Milliseconds(20000);
    start();
    pc_.hold("query-kvm");
    std::vector<qmp::Command> many(qmp::Mux::default_capacity, qmp::Command("query-kvm"));
    const auto unanswered =
        loop_.start(vm()->session()->call_all(std::move(many), Milliseconds(20000)));
    const Result<Attached> attached = attach_now(request("x"));
    ASSERT_FALSE(attached);
    EXPECT_EQ(attached.error().kind, ErrorKind::vm_unavailable);
    EXPECT_EQ(detail(attached.error(), "state"), "unresponsive");
    EXPECT_NE(attached.error().message.find("too many commands unanswered"), std::string::npos)
        << attached.error().message;
    EXPECT_FALSE(region_exists("x"));
    EXPECT_EQ(count_events(EventKind::leaked), 0u);
    EXPECT_EQ(vm()->state(), VmState::connected) << "it is not lost";
    pc_.release();
    ASSERT_TRUE(loop_.run_until([&] { return unanswered->done; }));
    EXPECT_EQ(pc_.count("object-add"), 0u);
    EXPECT_TRUE(attach_now(request("x")));
}

}  // namespace
}  // namespace ivshmemd::test
