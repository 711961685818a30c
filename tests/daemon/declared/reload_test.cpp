#include "tests/daemon/declared/declared_fixture.h"
#include "tests/support/json_text.h"

// What a reload changes in the devices that the configuration declares.

namespace ivshmemd::test {
namespace {

class DeclaredReload : public DeclaredFixture {};

TEST_F(DeclaredReload, ComeAndGoByAReload) {
    declare({request("x")});
    start();
    ASSERT_TRUE(wait_attached("x"));
    ASSERT_TRUE(attach_now(request("hand")));
    reload({request("y")});
    ASSERT_TRUE(wait_attached("y"));
    EXPECT_FALSE(has("x"));
    EXPECT_TRUE(has("hand"));
    EXPECT_EQ(declared_record(*host_.store, vm()->name(), "x"), std::nullopt);
    EXPECT_TRUE(region_exists("x")) << "regions stay";
    reload({});
    ASSERT_TRUE(loop_.run_until([this] { return !has("y"); }));
    ASSERT_TRUE(wait_settled());
    EXPECT_TRUE(has("hand"));
    EXPECT_TRUE(host_.store->get().declared.empty());
}

TEST_F(DeclaredReload, AreExchangedWhenTheirDeclarationChanges) {
    declare({request("x"), request("y")});
    start();
    ASSERT_TRUE(wait_attached("y"));
    DeviceRequest changed = request("x");
    changed.role = Role::master;
    reload({changed, request("y")});
    ASSERT_TRUE(loop_.run_until([this] {
        const auto device = vm()->device("x");
        return device && device->spec.role == Role::master;
    }));
    ASSERT_TRUE(wait_settled());
    EXPECT_EQ(pc_.count("device_del"), 1u) << "y is as it was";
    EXPECT_EQ(pc_.given("ivshmemd.x")["master"], "on");
}

TEST_F(DeclaredReload, AreNotExchangedWhereTheyMeetTheNewDeclaration) {
    declare({request("x")});
    start();
    ASSERT_TRUE(wait_attached("x"));
    DeviceRequest changed = request("x");
    changed.size.reset();
    changed.region = "x";
    changed.bus = "pci.0";
    reload({changed});
    ASSERT_TRUE(wait_settled());
    EXPECT_EQ(pc_.count("device_del"), 0u);
}

TEST_F(DeclaredReload, StayWhenTheyWereAttachedByHandAndTheDeclarationGoes) {
    start();
    ASSERT_TRUE(attach_now(request("x")));
    loop_.run(note_by_hand(*host_.store, vm()->key(), "x"));
    reload({request("x")});
    ASSERT_TRUE(wait_settled());
    reload({});
    ASSERT_TRUE(wait_settled());
    EXPECT_TRUE(has("x"));
    EXPECT_EQ(pc_.count("device_del"), 0u);
}

TEST_F(DeclaredReload, AreDetachedAfterARestartWithoutTheirDeclaration) {
    declare({request("x")});
    start();
    ASSERT_TRUE(wait_attached("x"));
    // As a new daemon does it: the state is there, and the VM is met for the first time.
    declare({});
    loop_.run(forget_undeclared(*host_.store, host_.config, AwayDevices::stay));
    pc_.qemu().disconnect();
    ASSERT_TRUE(loop_.run_until([this] { return !has("x"); }));
    ASSERT_TRUE(wait_settled());
    EXPECT_TRUE(host_.store->get().declared.empty());
}

TEST_F(DeclaredReload, ThatTheGuestKeepsAreReportedAndExchangedOnceItLetsGo) {
    host_.deadlines.unplug_again = Milliseconds(20);
    declare({request("x")});
    start();
    ASSERT_TRUE(wait_attached("x"));
    pc_.set_guest(FakePc::Guest::keeps);
    DeviceRequest changed = request("x");
    changed.role = Role::master;
    reload({changed, request("y")});
    ASSERT_TRUE(loop_.run_until([this] { return has("y"); })) << "the other one waits for it";
    EXPECT_EQ(vm()->device("x")->state, DeviceState::detaching);
    pc_.eject("ivshmemd.x");
    ASSERT_TRUE(wait_attached("x"));
    EXPECT_EQ(vm()->device("x")->spec.role, Role::master);
}

TEST_F(DeclaredReload, ThatTheGuestRefusesToLetGoAreReported) {
    declare({request("x")});
    start();
    ASSERT_TRUE(wait_attached("x"));
    pc_.set_guest(FakePc::Guest::refuses);
    reload({});
    ASSERT_TRUE(wait_event(EventKind::declared_failed, "x"));
    ASSERT_TRUE(wait_settled());
    EXPECT_NE(failure_of("x").find("refuses"), std::string::npos) << failure_of("x");
    pc_.set_guest(FakePc::Guest::lets_go);
    reload({});
    ASSERT_TRUE(loop_.run_until([this] { return !has("x"); }));
    EXPECT_TRUE(wait_settled());
    EXPECT_EQ(failure_of("x"), "");
}

TEST_F(DeclaredReload, OfAVmThatWasNeverStartedAreDetachedOnceItRuns) {
    declare({request("x")});
    pc_.set_run_state("prelaunch");
    start();
    ASSERT_TRUE(wait_attached("x"));
    reload({});
    pass(Milliseconds(50));
    EXPECT_EQ(pc_.count("device_del"), 0u);
    EXPECT_EQ(failure_of("x"), "");
    pc_.set_run_state("running", "RESUME");
    EXPECT_TRUE(loop_.run_until([this] { return !has("x"); }));
    EXPECT_TRUE(wait_settled());
}

// Its guest has no hotplug driver yet when the reload asks.
TEST_F(DeclaredReload, GoesOnAskingForADeviceThatIsNoLongerDeclared) {
    host_.deadlines.unplug_again = Milliseconds(20);
    declare({request("x")});
    start();
    ASSERT_TRUE(wait_attached("x"));
    pc_.set_guest(FakePc::Guest::keeps);
    reload({});
    ASSERT_TRUE(loop_.run_until([this] { return pc_.count("device_del") >= 1; }));
    pc_.set_guest(FakePc::Guest::lets_go);
    EXPECT_TRUE(wait_event(EventKind::detached, "x"));
}

}  // namespace
}  // namespace ivshmemd::test
