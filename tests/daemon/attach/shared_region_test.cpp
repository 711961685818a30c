#include "daemon/attach/attach.h"
#include "tests/daemon/vm/region_removal_fixture.h"

// Attaching to a region that another VM comes to, leaves, or is master of.

namespace ivshmemd::test {
namespace {

using testing::HasSubstr;

class AttachShared : public RegionRemovalFixture {};

TEST_F(AttachShared, TakesARegionBackOnlyIfNoOtherVmHasJoinedIt) {
    start_both();
    pc_.on("device_add",
           [](const nlohmann::json&) { return FakeQemu::error("GenericError", "no"); });
    pc_.hold("device_add");
    const auto failing = start_attach(request("x"));
    ASSERT_TRUE(loop_.run_until([this] { return pc_.count("device_add") == 1; }));
    ASSERT_TRUE(finish(start_attach_in_b()));
    pc_.release();
    const Result<Attached> failed = finish(failing);
    ASSERT_FALSE(failed);
    EXPECT_THAT(failed.error().message, HasSubstr("b/y"));
    EXPECT_TRUE(region_exists("x"));
    EXPECT_EQ(host_.store->get().regions.size(), 1u);
}

// Each would reserve all of it, and the state would forget the one that got the name.
TEST_F(AttachShared, MakesARegionOnceForTwoThatComeAtTheSameTime) {
    start_both();
    const auto first = start_attach(request("x"));
    const auto second = start_attach_in_b();
    ASSERT_TRUE(finish(first));
    ASSERT_TRUE(finish(second));
    ASSERT_EQ(host_.store->get().regions.size(), 1u);
    EXPECT_EQ(created_region(*host_.store, region_path("x")),
              RegionFiles::identity(region_path("x")));
}

TEST_F(AttachShared, WaitsWhileTheRegionIsBeingUnlinked) {
    start();
    make_region();
    std::optional<RegionUsers::UnlinkingMark> mark;
    mark.emplace(host_.region_users, *RegionFiles::identity(region_path("x")));
    const auto attaching = start_attach(request("x"));
    pass(Milliseconds(40));
    EXPECT_FALSE(attaching->done);
    EXPECT_FALSE(vm()->turn().coming());
    mark.reset();
    EXPECT_TRUE(finish(attaching));
}

class OneMaster : public RegionRemovalFixture {
  protected:
    Result<Attached> attach_second() {
        DeviceRequest wanted = request("x");
        wanted.role = Role::master;
        return attach_now(wanted);
    }
    void expect_refused() {
        const Result<Attached> second = attach_second();
        ASSERT_FALSE(second) << "two masters";
        EXPECT_EQ(second.error().kind, ErrorKind::master_exists);
        EXPECT_EQ(detail(second.error(), "holder"), "b/y");
    }
    void start_with_master() {
        start_both();
        make_region();
        ASSERT_TRUE(finish(start_attach_in_b(Role::master)));
    }
};

TEST_F(OneMaster, CountsTheOneOfAVmThatCannotBeReached) {
    start_with_master();
    lose_b();
    expect_refused();
}

TEST_F(OneMaster, CountsTheOneOfAVmWhoseMonitorIsHeld) {
    start_with_master();
    lose_b();
    FileDescriptor holder = connect_unix(socket("b"), soon());
    ASSERT_TRUE(receive(holder.get(), soon()));
    vm("b")->link().hurry();
    ASSERT_TRUE(wait_state(VmState::busy, "b"));
    expect_refused();
}

TEST_F(OneMaster, DoesNotCountTheOneOfAVmThatHasMigratedAway) {
    start_with_master();
    other_.set_run_state("postmigrate", "STOP");
    ASSERT_TRUE(loop_.run_until([this] { return vm("b")->run_state() == "postmigrate"; }));
    lose_b();
    EXPECT_TRUE(attach_second());
}

// What arrives for it would overwrite the region of b.
TEST_F(OneMaster, IsRefusedToAVmThatWaitsForAnotherOnesMigration) {
    start_with_master();
    pc_.set_run_state("inmigrate", "STOP");
    ASSERT_TRUE(loop_.run_until([this] { return vm()->run_state() == "inmigrate"; }));
    expect_refused();
    EXPECT_EQ(pc_.count("device_add"), 1u) << "that of the peer that made the region";
}

TEST_F(OneMaster, IsRefusedBesideThatOfAnotherVmThatWaitsForAMigration) {
    start_with_master();
    other_.set_run_state("inmigrate", "STOP");
    ASSERT_TRUE(loop_.run_until([this] { return vm("b")->run_state() == "inmigrate"; }));
    expect_refused();
    EXPECT_EQ(pc_.count("device_add"), 1u) << "that of the peer that made the region";
    other_.set_run_state("running", "RESUME");
    ASSERT_TRUE(loop_.run_until([this] { return vm("b")->run_state() == "running"; }));
    expect_refused();
}

class OneMasterOfOneVm : public OneMaster {
  protected:
    void start_at_both_ends(const std::string& uuid, const std::string& waiting = "a") {
        for (FakePc* pc : {&pc_, &other_}) {
            pc->on("query-uuid", [uuid](const nlohmann::json&) {
                return FakeQemu::ok({{"UUID", uuid}});
            });
        }
        start_with_master();
        FakePc& machine = waiting == "a" ? pc_ : other_;
        machine.set_run_state("inmigrate", "STOP");
        ASSERT_TRUE(loop_.run_until([&] { return vm(waiting)->run_state() == "inmigrate"; }));
    }
};

TEST_F(OneMasterOfOneVm, IsAtBothEndsOfItsMigration) {
    start_at_both_ends("11111111-0000-0000-0000-000000000000");
    EXPECT_TRUE(attach_second());
}

TEST_F(OneMasterOfOneVm, MayBeAtBothEndsWhereNoUuidTells) {
    start_at_both_ends("00000000-0000-0000-0000-000000000000");
    EXPECT_TRUE(attach_second());
}

TEST_F(OneMasterOfOneVm, ComesAtItsSourceAfterThatOfItsDestination) {
    start_at_both_ends("11111111-0000-0000-0000-000000000000", "b");
    EXPECT_TRUE(attach_second());
}

TEST_F(OneMasterOfOneVm, MayComeAtASourceThatNoUuidTells) {
    start_at_both_ends("00000000-0000-0000-0000-000000000000", "b");
    EXPECT_TRUE(attach_second());
}

}  // namespace
}  // namespace ivshmemd::test
