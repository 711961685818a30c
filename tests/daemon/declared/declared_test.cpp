#include "daemon/declared/declared.h"

#include "daemon/state/migrations.h"
#include "tests/daemon/declared/declared_fixture.h"
#include "tests/daemon/fake_migration.h"
#include "tests/support/json_text.h"

// Devices that the configuration declares, on machines that come, go and refuse.

namespace ivshmemd::test {
namespace {

using nlohmann::json;

class Declared : public DeclaredFixture {};

TEST_F(Declared, AreAttachedWhenTheirVmAppears) {
    declare({request("x"), request("y")});
    registry_.start();
    ASSERT_TRUE(wait_state(VmState::unreachable));
    pc_.listen(socket("a"));
    ASSERT_TRUE(wait_attached("x"));
    ASSERT_TRUE(wait_attached("y"));
    EXPECT_TRUE(has("x") && has("y"));
    EXPECT_EQ(record("x").fate, DeclaredFate::attached);
    EXPECT_EQ(record("x").model, Model::plain);
    EXPECT_TRUE(vm()->declared().failures().empty());
}

TEST_F(Declared, AreNotAttachedTwice) {
    declare({request("x")});
    start();
    ASSERT_TRUE(wait_attached("x"));
    reconnect();
    EXPECT_EQ(pc_.count("device_add"), 1u);
    EXPECT_EQ(record("x").fate, DeclaredFate::attached);
}

TEST_F(Declared, AreWhatIsThereAlready) {
    pc_.put_backend("ivshmemd.x.mem", {region_path("x"), mebibyte, true});
    pc_.put_device("ivshmemd.x", {.slot = 30, .backend = "ivshmemd.x.mem"});
    declare({request("x")});
    start();
    ASSERT_TRUE(wait_settled());
    EXPECT_EQ(pc_.count("device_add"), 0u);
    EXPECT_EQ(record("x").fate, DeclaredFate::none) << "somebody else attached it";
    EXPECT_EQ(record("x").model, Model::plain);
}

TEST_F(Declared, DoNotHoldUpQuestionsOrOtherVms) {
    declare({request("x")});
    pc_.hold("device_add");
    other_.listen(socket("b"));
    start();
    ASSERT_TRUE(wait_event(EventKind::attaching, "x"));
    ASSERT_TRUE(wait_state(VmState::connected, "b"));
    EXPECT_TRUE(attach_now(request("z"), "b"));
    EXPECT_EQ(vm()->devices().size(), 1u);
    EXPECT_FALSE(has("x"));
    pc_.release();
    EXPECT_TRUE(wait_attached("x"));
}

TEST_F(Declared, WaitForAVmThatArrives) {
    declare({request("x")});
    pc_.set_run_state("inmigrate");
    start();
    pass(Milliseconds(50));
    EXPECT_EQ(pc_.count("device_add"), 0u);
    EXPECT_TRUE(vm()->declared().failures().empty());
    pc_.set_run_state("running", "RESUME");
    EXPECT_TRUE(wait_attached("x"));
}

TEST_F(Declared, AreReportedWhenTheyCannotBeAttached) {
    DeviceRequest wanted = request("x");
    wanted.model = Model::legacy;
    declare({wanted, request("y")});
    start();
    ASSERT_TRUE(wait_event(EventKind::declared_failed, "x"));
    ASSERT_TRUE(wait_attached("y"));
    EXPECT_NE(failure_of("x").find("QEMU 7.2.22 has no ivshmem;"), std::string::npos)
        << failure_of("x");
    EXPECT_EQ(failure_of("y"), "");
    EXPECT_EQ(vm()->last_error(), std::nullopt) << "the VM is all right";
    EXPECT_EQ(count_events(EventKind::declared_failed), 1u);
}

TEST_F(Declared, LeaveADeviceInTheWayAloneAndSaySo) {
    pc_.put_backend("ivshmemd.x.mem", {region_path("x"), mebibyte, true});
    pc_.put_device("ivshmemd.x", {.slot = 30, .backend = "ivshmemd.x.mem", .master = "on"});
    declare({request("x")});
    start();
    ASSERT_TRUE(wait_event(EventKind::declared_failed, "x"));
    EXPECT_NE(failure_of("x").find("device x exists with role master"), std::string::npos);
    EXPECT_EQ(pc_.count("device_del"), 0u);
}

TEST_F(Declared, ComeBackWithANewQemu) {
    declare({request("x")});
    start();
    ASSERT_TRUE(wait_attached("x"));
    ASSERT_TRUE(detach_now(by_hand("x")));
    other_.listen(socket("a"));
    pc_.qemu().disconnect();
    ASSERT_TRUE(loop_.run_until([this] { return other_.has_device("ivshmemd.x"); }));
    EXPECT_TRUE(wait_attached("x"));
    EXPECT_EQ(record("x").fate, DeclaredFate::attached);
}

TEST_F(Declared, StayAwayWhenTheyWereTakenOutByHand) {
    declare({request("x")});
    start();
    ASSERT_TRUE(wait_attached("x"));
    ASSERT_TRUE(detach_now(by_hand("x")));
    reconnect();
    EXPECT_FALSE(has("x"));
    EXPECT_EQ(record("x").fate, DeclaredFate::away);
    EXPECT_EQ(failure_of("x"), "");
    reload(host_.config.declarations["a"]);
    EXPECT_TRUE(wait_attached("x"));
}

// The migration's own recovery puts it where it was, and what is declared would go elsewhere.
TEST_F(Declared, AreLeftToAMigrationThatWasInterrupted) {
    const FakeMigration migration{pc_};
    DeviceSpec spec{"x", Model::plain, Role::peer, mebibyte, "x", {}, {}, {}, {}, "pci.0", 20};
    MigrationRecord interrupted{"a",
                                "11111111-0000-0000-0000-000000000000",
                                MigrationPhase::detaching,
                                "unix:/in",
                                "",
                                false,
                                {spec}};
    loop_.run(put_record(*host_.store, interrupted));
    declare({request("x"), request("y")});
    start();
    ASSERT_TRUE(wait_attached("x"));
    ASSERT_TRUE(wait_attached("y"));
    EXPECT_EQ(pc_.slot_of("ivshmemd.x"), 20);
    EXPECT_EQ(pc_.count("device_add"), 2u);
}

TEST_F(Declared, WaitForTheEndOfAMigration) {
    FakeMigration migration{pc_};
    migration.move_to("active", "running");
    declare({request("x")});
    start();
    pass(Milliseconds(50));
    EXPECT_EQ(pc_.count("device_add"), 0u);
    EXPECT_TRUE(vm()->declared().failures().empty());
    migration.move_to("failed", "running");
    EXPECT_TRUE(wait_attached("x"));
}

TEST_F(Declared, DoNotComeBackWhenTheirGuestEjectsThem) {
    declare({request("x")});
    start();
    ASSERT_TRUE(wait_attached("x"));
    pc_.eject("ivshmemd.x");
    ASSERT_TRUE(wait_event(EventKind::vanished, "x"));
    EXPECT_TRUE(wait_settled());
    EXPECT_EQ(pc_.count("device_add"), 1u);
}

// An old QEMU with the legacy device, and its successor without.
class DeclaredModel : public Declared {
  protected:
    DeclaredModel() {
        pc_.qemu().version(3, 1);
        const auto any = [](const json&) {
            return FakeQemu::ok(json::array({{{"name", "addr"}, {"type", "int32"}}}));
        };
        pc_.on("device-list-properties", any);
        host_.config.region_dir = regions_.path();
    }

    void upgrade() {
        other_.listen(socket("a"));
        pc_.qemu().disconnect();
        ASSERT_TRUE(loop_.run_until([this] {
            return vm()->capabilities()->version == Version{7, 2, 22} && vm()->session();
        }));
        ASSERT_TRUE(wait_settled());
    }
};

TEST_F(DeclaredModel, IsKeptOverAnUpgradeOfQemuOrReported) {
    declare({request("x")});
    start();
    ASSERT_TRUE(wait_attached("x"));
    EXPECT_EQ(record("x").model, Model::legacy);
    upgrade();
    EXPECT_EQ(other_.count("device_add"), 0u) << "never another device";
    EXPECT_EQ(count_events(EventKind::declared_failed, "x"), 1u);
    EXPECT_NE(failure_of("x").find("has no ivshmem;"), std::string::npos) << failure_of("x");
    EXPECT_NE(failure_of("x").find("it had ivshmem before"), std::string::npos) << failure_of("x");
    EXPECT_EQ(record("x").model, Model::legacy);
}

TEST_F(DeclaredModel, IsTheOneThatIsNamedNow) {
    declare({request("x")});
    start();
    ASSERT_TRUE(wait_attached("x"));
    upgrade();
    DeviceRequest named = request("x");
    named.model = Model::plain;
    reload({named});
    ASSERT_TRUE(wait_attached("x"));
    EXPECT_EQ(record("x").model, Model::plain);
    EXPECT_EQ(failure_of("x"), "");
    reload({request("x")});
    EXPECT_TRUE(wait_settled());
    EXPECT_EQ(other_.count("device_del"), 0u) << "it keeps the model it has";
}

TEST_F(DeclaredModel, IsForgottenWithTheDeclaration) {
    declare({request("x")});
    start();
    ASSERT_TRUE(wait_attached("x"));
    upgrade();
    reload({});
    ASSERT_TRUE(wait_settled());
    reload({request("x")});
    ASSERT_TRUE(wait_attached("x"));
    EXPECT_EQ(vm()->device("x")->spec.model, Model::plain);
}

}  // namespace
}  // namespace ivshmemd::test
