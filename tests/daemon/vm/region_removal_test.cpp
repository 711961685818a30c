#include "daemon/vm/region_removal.h"

#include "daemon/vm/refresh.h"
#include "tests/daemon/vm/region_removal_fixture.h"

// When a region may lose its name. Leases are real ones; only the QEMUs, which open nothing, are
// not.

namespace ivshmemd::test {
namespace {

class RemovesRegion : public RegionRemovalFixture {};

TEST_F(RemovesRegion, OnceNobodyUsesIt) {
    start_both();
    make_region();
    expect_removed();
}

TEST_F(RemovesRegion, NotWhileAnotherVmIsStillConnecting) {
    other_.hold("query-status");
    other_.listen(socket("b"));
    start();
    make_region();
    ASSERT_NE(vm("b")->state(), VmState::connected);
    expect_kept("VM b");
    other_.release();
    ASSERT_TRUE(wait_state(VmState::connected, "b"));
    expect_removed();
}

TEST_F(RemovesRegion, NotWhileAnotherMonitorIsHeld) {
    other_.listen(socket("b"));
    FileDescriptor holder = connect_unix(socket("b"), soon());
    ASSERT_TRUE(receive(holder.get(), soon()));  // the greeting
    start();
    ASSERT_TRUE(wait_state(VmState::busy, "b"));
    make_region();
    expect_kept("VM b");
    holder.reset();
    ASSERT_TRUE(wait_state(VmState::connected, "b"));
    expect_removed();
}

TEST_F(RemovesRegion, NotWhileAnotherVmThatIsLostMayStillMapIt) {
    start_both();
    make_region();
    ASSERT_TRUE(finish(start_attach_in_b()));
    lose_b();
    expect_kept("b/y");
}

TEST_F(RemovesRegion, OfAVmWhoseSocketRefusesConnections) {
    auto third = std::make_unique<FakePc>();
    third->listen(socket("b"));
    start();
    ASSERT_TRUE(wait_state(VmState::connected, "b"));
    make_region();
    ASSERT_TRUE(finish(start_attach_in_b()));
    host_.deadlines.backoff_min = host_.deadlines.backoff_max = Milliseconds(60000);
    third.reset();
    ASSERT_TRUE(wait_state(VmState::unreachable, "b"));
    expect_kept("b/y");
    loop_.run(wait_connected(vm("b"), Milliseconds(10000)));
    ASSERT_TRUE(std::filesystem::exists(socket("b")));
    expect_removed();
}

// The old one is known to be gone, and what the new one holds is not known yet.
TEST_F(RemovesRegion, NotWhileAnotherQemuIsBehindTheSocketOfOneThatUsedIt) {
    auto third = std::make_unique<FakePc>();
    third->listen(socket("b"));
    start();
    ASSERT_TRUE(wait_state(VmState::connected, "b"));
    make_region();
    ASSERT_TRUE(finish(start_attach_in_b()));
    host_.deadlines.backoff_min = host_.deadlines.backoff_max = Milliseconds(60000);
    third.reset();
    ASSERT_TRUE(wait_state(VmState::unreachable, "b"));
    std::filesystem::remove(socket("b"));
    other_.hold("query-status");
    other_.listen(socket("b"));
    vm("b")->link().hurry();
    ASSERT_TRUE(wait_state(VmState::connecting, "b"));
    expect_kept("VM b");
    other_.release();
    ASSERT_TRUE(wait_state(VmState::connected, "b"));
    expect_removed();
}

TEST_F(RemovesRegion, NotWhileAVmIsSilent) {
    start_both();
    make_region();
    host_.deadlines.query = Milliseconds(60);
    other_.mute(true);
    EXPECT_FALSE(loop_.run(refresh(vm("b"), Milliseconds(60))));
    ASSERT_EQ(vm("b")->state(), VmState::unresponsive);
    expect_kept("VM b");
}

TEST_F(RemovesRegion, NotWhileAnotherDeviceIsBeingAttachedToIt) {
    start_both();
    make_region();
    other_.hold("object-add");
    const auto coming = start_attach_in_b();
    ASSERT_TRUE(loop_.run_until([this] { return other_.count("object-add") == 1; }));
    expect_kept("b/y");
    other_.release();
    EXPECT_TRUE(finish(coming));
    expect_kept("b/y");
}

TEST_F(RemovesRegion, NotWhileAProgramOfTheHostHasItOpen) {
    start();
    make_region();
    UniqueFd program(::open(region_path("x").c_str(), O_RDWR | O_CLOEXEC));
    ASSERT_TRUE(program);
    expect_kept("has it open");
    program.reset();
    expect_removed();
}

TEST_F(RemovesRegion, NotWhileABackendThatCannotBeDeletedMapsIt) {
    start();
    ASSERT_TRUE(attach_now(request("x")));
    pc_.pin_backend("ivshmemd.x.mem");
    ASSERT_TRUE(detach_now(leave("x")));
    expect_kept("a/x");
}

TEST_F(RemovesRegion, AsksAVmThatAnotherClientMayHaveChanged) {
    start_both();
    make_region();
    other_.put_backend("theirs.mem", {region_path("x"), mebibyte, true});
    other_.put_device("theirs", {.slot = 5, .backend = "theirs.mem"});
    vm("b")->doubt();
    expect_kept("b/theirs");
}

}  // namespace
}  // namespace ivshmemd::test
