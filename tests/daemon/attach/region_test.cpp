#include "daemon/attach/region.h"
#include "daemon/state/regions.h"

#include <gmock/gmock.h>

#include <fstream>

#include "daemon/fleet/region_list.h"
#include "tests/daemon/vm/operation_fixture.h"

namespace ivshmemd::test {
namespace {

class AttachRegion : public OperationFixture {
  protected:
    std::vector<Region> regions() { return list_regions(host_, registry_); }
    std::string state_file() const {
        std::ifstream file(host_.config.state_dir + "/state.json");
        return {std::istreambuf_iterator<char>(file), {}};
    }
};

TEST_F(AttachRegion, IsOnRecordBeforeQemuHearsOfIt) {
    bool recorded = false;
    pc_.on("object-add", [&](const nlohmann::json& arguments) {
        recorded = state_file().find(region_path("x")) != std::string::npos;
        return pc_.real("object-add", arguments);
    });
    start();
    ASSERT_TRUE(attach_now(request("x")));
    EXPECT_TRUE(recorded);
}

TEST_F(AttachRegion, TakesTheOneThatAnotherAttachMadeMeanwhile) {
    start();
    Decision decision;
    decision.spec.name = "x";
    decision.spec.region = "x";
    decision.spec.size = mebibyte;
    decision.region = {region_path("x"), true};
    ASSERT_TRUE(host_.regions.create("x", mebibyte, ::geteuid()));
    const auto made = loop_.run(prepare_region(vm(), decision));
    ASSERT_TRUE(made);
    EXPECT_FALSE(*made) << "it is not this one's to take back";
    EXPECT_EQ(decision.region.identity, RegionFiles::identity(region_path("x")));
    EXPECT_EQ(host_.store->get().regions.size(), 0u);
}

TEST_F(AttachRegion, JudgesTheOneThatAnotherAttachMadeMeanwhile) {
    start();
    Decision decision;
    decision.spec.name = "x";
    decision.spec.region = "x";
    decision.spec.size = mebibyte;
    decision.region = {region_path("x"), true};
    ASSERT_TRUE(host_.regions.create("x", 2 * mebibyte, ::geteuid()));
    const auto made = loop_.run(prepare_region(vm(), decision));
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().kind, ErrorKind::region_mismatch);
    EXPECT_NE(made.error().message.find("2M"), std::string::npos) << made.error().message;
    EXPECT_EQ(host_.store->get().regions.size(), 0u);
}

// A daemon that is killed between making the file and the device.
TEST_F(AttachRegion, GoesWhenItWasMadeForADeviceThatNeverCame) {
    const Result<RegionIdentity> made = host_.regions.create("x", mebibyte, ::geteuid());
    ASSERT_TRUE(made);
    loop_.run(remember_region(*host_.store, region_path("x"), *made, "a/x"));
    start();
    ASSERT_TRUE(loop_.run_until([this] { return !region_exists("x"); }));
    ASSERT_TRUE(loop_.run_until([this] { return host_.store->get().regions.empty(); }));
}

TEST_F(AttachRegion, StaysWhenItsDeviceIsThere) {
    start();
    ASSERT_TRUE(attach_now(request("x")));
    const auto made_for = [this] { return host_.store->get().regions.at(0).made_for; };
    ASSERT_TRUE(loop_.run_until([&] { return made_for().empty(); }));
    // As a daemon leaves it that is killed before it has written that down.
    const auto file = RegionFiles::identity(region_path("x"));
    loop_.run(remember_region(*host_.store, region_path("x"), *file, "a/x"));
    pc_.qemu().disconnect();
    ASSERT_TRUE(loop_.run_until([&] { return made_for().empty(); }));
    EXPECT_TRUE(region_exists("x"));
}

TEST_F(AttachRegion, StaysWhenAnotherDeviceUsesIt) {
    start();
    const Result<RegionIdentity> made = host_.regions.create("x", mebibyte, ::geteuid());
    ASSERT_TRUE(made);
    loop_.run(remember_region(*host_.store, region_path("x"), *made, "b/other"));
    ASSERT_TRUE(attach_now(request("x")));
    EXPECT_TRUE(unused_regions(*host_.store, "b").empty());
    ASSERT_EQ(*detach_now(leave("x")), Detached::removed);
    EXPECT_TRUE(region_exists("x")) << "kept, as every region that is not asked to go";
}

TEST_F(AttachRegion, IsTheFileThatWasJudgedOrNone) {
    start();
    ASSERT_TRUE(host_.regions.create("x", mebibyte, ::geteuid()));
    Result<Decision> decision = decide_memory(*vm(), request("x"), Model::plain);
    ASSERT_TRUE(decision) << decision.error().message;
    Decision first = *decision;
    EXPECT_TRUE(loop_.run(prepare_region(vm(), first)));
    std::filesystem::rename(region_path("x"), region_path("old"));
    ASSERT_TRUE(host_.regions.create("x", mebibyte, ::geteuid()));
    const auto prepared = loop_.run(prepare_region(vm(), *decision));
    ASSERT_FALSE(prepared);
    EXPECT_EQ(prepared.error().kind, ErrorKind::region_mismatch);
}

TEST_F(AttachRegion, IsForgottenOnceItsFileIsGoneOrReplaced) {
    start();
    for (const char* name : {"kept", "gone", "replaced"}) ASSERT_TRUE(attach_now(request(name)));
    std::filesystem::remove(region_path("gone"));
    std::filesystem::remove(region_path("replaced"));
    ASSERT_TRUE(host_.regions.create("replaced", mebibyte, ::geteuid()));
    loop_.run(forget_vanished_regions(*host_.store));
    ASSERT_EQ(host_.store->get().regions.size(), 1u);
    EXPECT_EQ(host_.store->get().regions[0].path, region_path("kept"));
}

TEST_F(AttachRegion, IsNotMadeAnewWhileADeviceMapsTheFileThatIsGone) {
    start();
    ASSERT_TRUE(attach_now(request("x")));
    std::filesystem::remove(region_path("x"));
    DeviceRequest second = request("y");
    second.region = "x";
    const Result<Attached> refused = attach_now(second);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind, ErrorKind::region_mismatch);
    EXPECT_THAT(refused.error().message, testing::HasSubstr("a/x still maps what it was"));
    EXPECT_FALSE(region_exists("x"));
    ASSERT_TRUE(detach_now(leave("x")));
    EXPECT_TRUE(attach_now(second)) << "nobody is left who could be cut off";
}

TEST_F(AttachRegion, IsListedWithItsUsersUnderOneName) {
    start();
    DeviceRequest master = request("m");
    master.region = "shared";
    master.role = Role::master;
    ASSERT_TRUE(attach_now(master));
    std::filesystem::create_hard_link(region_path("shared"), region_path("alias"));
    DeviceRequest peer = request("p");
    peer.region = "alias";
    ASSERT_TRUE(attach_now(peer));
    const std::vector<Region> listed = regions();
    ASSERT_EQ(listed.size(), 1u);
    EXPECT_EQ(listed[0].path, region_path("shared"));
    EXPECT_EQ(listed[0].facts.size, mebibyte);
    EXPECT_TRUE(listed[0].created_by_us);
    ASSERT_EQ(listed[0].users.size(), 2u);
    EXPECT_EQ(listed[0].users[0].device, "m");
    EXPECT_EQ(listed[0].users[0].role, Role::master);
    EXPECT_EQ(listed[0].users[1].vm, "a");
    EXPECT_EQ(listed[0].users[1].role, Role::peer);
}

TEST_F(AttachRegion, IsListedAfterItsLastUserWhileItsFileStands) {
    start();
    ASSERT_TRUE(attach_now(request("x")));
    ASSERT_TRUE(detach_now(leave("x")));
    ASSERT_EQ(regions().size(), 1u);
    EXPECT_TRUE(regions()[0].users.empty());
    std::filesystem::remove(region_path("x"));
    EXPECT_TRUE(regions().empty());
}

TEST_F(AttachRegion, OfAnotherOwnerIsListedOnlyWhileUsed) {
    ASSERT_TRUE(host_.regions.create("theirs", mebibyte, ::geteuid()));
    start();
    EXPECT_TRUE(regions().empty());
    DeviceRequest user = request("x");
    user.region = "theirs";
    ASSERT_TRUE(attach_now(user));
    ASSERT_EQ(regions().size(), 1u);
    EXPECT_FALSE(regions()[0].created_by_us);
}

}  // namespace
}  // namespace ivshmemd::test
