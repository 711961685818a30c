#include "tests/daemon/declared/declared_fixture.h"

// Declared devices whose declaration changes in a way that their memory may not allow: a device
// that could not come back is never detached.

namespace ivshmemd::test {
namespace {

class DeclaredSize : public DeclaredFixture {
  protected:
    static DeviceRequest of_size(const std::string& name, std::uint64_t size) {
        DeviceRequest wanted = request(name);
        wanted.size = size;
        return wanted;
    }

    std::uint64_t size_of(const std::string& name) {
        const auto device = vm()->device(name);
        return device ? device->spec.size : 0;
    }

    /// Whether the reload leaves "x" untouched and says why in these words.
    void expect_left(const std::string& words) {
        ASSERT_TRUE(wait_event(EventKind::declared_failed, "x"));
        ASSERT_TRUE(wait_settled());
        EXPECT_EQ(pc_.count("device_del"), 0u);
        EXPECT_TRUE(has("x"));
        EXPECT_EQ(size_of("x"), mebibyte);
        EXPECT_NE(failure_of("x").find(words), std::string::npos) << failure_of("x");
        EXPECT_EQ(RegionFiles::inspect(region_path("x")).size, mebibyte);
    }
};

TEST_F(DeclaredSize, IsChangedWithARegionOfOurOwn) {
    declare({request("x")});
    start();
    ASSERT_TRUE(wait_attached("x"));
    reload({of_size("x", 2 * mebibyte)});
    ASSERT_TRUE(loop_.run_until([this] { return size_of("x") == 2 * mebibyte; }));
    ASSERT_TRUE(wait_settled());
    EXPECT_EQ(failure_of("x"), "");
    EXPECT_EQ(RegionFiles::inspect(region_path("x")).size, 2 * mebibyte);
    EXPECT_EQ(pc_.count("device_del"), 1u);
    EXPECT_EQ(host_.store->get().regions.size(), 1u) << "it is ours again";
}

TEST_F(DeclaredSize, IsChangedOnceTheGuestLetsGo) {
    declare({request("x")});
    start();
    ASSERT_TRUE(wait_attached("x"));
    pc_.set_guest(FakePc::Guest::keeps);
    reload({of_size("x", 2 * mebibyte)});
    ASSERT_TRUE(loop_.run_until([this] { return pc_.count("device_del") > 0; }));
    EXPECT_EQ(RegionFiles::inspect(region_path("x")).size, mebibyte) << "the guest still has it";
    pc_.eject("ivshmemd.x");
    EXPECT_TRUE(loop_.run_until([this] { return size_of("x") == 2 * mebibyte; }));
    EXPECT_TRUE(wait_settled());
}

TEST_F(DeclaredSize, IsNotChangedUnderAnotherUserOfTheRegion) {
    other_.listen(socket("b"));
    declare({request("x")});
    start();
    ASSERT_TRUE(wait_attached("x"));
    ASSERT_TRUE(wait_state(VmState::connected, "b"));
    DeviceRequest second = request("y");
    second.region = "x";
    ASSERT_TRUE(attach_now(second, "b"));
    reload({of_size("x", 2 * mebibyte)});
    expect_left("b/y");
}

TEST_F(DeclaredSize, IsNotChangedWhereTheRegionIsNotOurs) {
    ASSERT_TRUE(host_.regions.create("x", mebibyte, 0));
    declare({request("x")});
    start();
    ASSERT_TRUE(wait_attached("x"));
    reload({of_size("x", 2 * mebibyte)});
    expect_left("not made by ivshmemd");
}

TEST_F(DeclaredSize, IsTriedAgainByTheNextReload) {
    other_.listen(socket("b"));
    declare({request("x")});
    start();
    ASSERT_TRUE(wait_attached("x"));
    ASSERT_TRUE(wait_state(VmState::connected, "b"));
    DeviceRequest second = request("y");
    second.region = "x";
    ASSERT_TRUE(attach_now(second, "b"));
    reload({of_size("x", 2 * mebibyte)});
    expect_left("b/y");
    ASSERT_TRUE(detach_now(leave("y"), "b"));
    reload({of_size("x", 2 * mebibyte)});
    EXPECT_TRUE(loop_.run_until([this] { return size_of("x") == 2 * mebibyte; }));
    EXPECT_TRUE(wait_settled());
    EXPECT_EQ(failure_of("x"), "");
}

TEST_F(DeclaredSize, StaysWithAModelThatThisQemuLacks) {
    declare({request("x")});
    start();
    ASSERT_TRUE(wait_attached("x"));
    DeviceRequest changed = request("x");
    changed.model = Model::legacy;
    reload({changed});
    expect_left("has no ivshmem;");
}

TEST_F(DeclaredSize, StaysWhereItsNewSlotIsTaken) {
    declare({request("x")});
    start();
    ASSERT_TRUE(wait_attached("x"));
    ASSERT_TRUE(attach_now(request("hand")));
    DeviceRequest changed = request("x");
    changed.bus = "pci.0";
    changed.slot = vm()->device("hand")->spec.slot;
    reload({changed});
    expect_left("SlotInUse");
}

}  // namespace
}  // namespace ivshmemd::test
