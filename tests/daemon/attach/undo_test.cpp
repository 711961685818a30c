#include "daemon/attach/attach.h"
#include "tests/daemon/vm/operation_fixture.h"

namespace ivshmemd::test {
namespace {

class AttachUndo : public OperationFixture {};

TEST_F(AttachUndo, TakesEverythingBackWhenTheDeviceIsRefused) {
    start();
    pc_.on("device_add", [](const json&) {
        return FakeQemu::error("GenericError", "Property 'ivshmem-plain.master' not found");
    });
    const Result<Attached> attached = attach_now(request("x"));
    ASSERT_FALSE(attached);
    EXPECT_EQ(attached.error().kind, ErrorKind::qemu_error);
    EXPECT_EQ(detail(attached.error(), "command"), "device_add");
    EXPECT_EQ(detail(attached.error(), "class"), "GenericError");
    EXPECT_EQ(detail(attached.error(), "description"), "Property 'ivshmem-plain.master' not found");
    EXPECT_EQ(detail(attached.error(), "leftovers"), "");
    EXPECT_FALSE(pc_.has_backend("ivshmemd.x.mem"));
    EXPECT_FALSE(region_exists("x"));
    EXPECT_TRUE(host_.store->get().regions.empty());
    EXPECT_TRUE(vm()->devices().empty());
}

TEST_F(AttachUndo, TakesTheRegionBackWhenTheBackendIsRefused) {
    start();
    pc_.on("object-add", [](const json&) {
        return FakeQemu::error("GenericError", "can't open backing store: Permission denied");
    });
    const Result<Attached> attached = attach_now(request("x"));
    ASSERT_FALSE(attached);
    EXPECT_EQ(attached.error().kind, ErrorKind::qemu_error);
    EXPECT_EQ(detail(attached.error(), "command"), "object-add");
    EXPECT_FALSE(region_exists("x"));
    EXPECT_EQ(pc_.count("object-del"), 0u);
}

TEST_F(AttachUndo, KeepsARegionThatWasThereWhenItFails) {
    start();
    ASSERT_TRUE(host_.regions.create("x", mebibyte, 0));
    pc_.on("device_add", [](const json&) { return FakeQemu::error("GenericError", "no"); });
    EXPECT_FALSE(attach_now(request("x")));
    EXPECT_TRUE(region_exists("x"));
}

TEST_F(AttachUndo, NamesWhatCouldNotBeTakenBackAndNeverUsesItAgain) {
    start();
    pc_.pin_backend("ivshmemd.x.mem");
    pc_.on("device_add", [](const json&) {
        return FakeQemu::error("GenericError", "disallowing migration blocker");
    });
    const Result<Attached> attached = attach_now(request("x"));
    ASSERT_FALSE(attached);
    EXPECT_NE(detail(attached.error(), "leftovers").find("ivshmemd.x.mem"), std::string::npos);
    EXPECT_EQ(count_events(EventKind::leaked, "x"), 1u);
    ASSERT_EQ(vm()->devices().size(), 1u);
    EXPECT_EQ(vm()->devices()[0].state, DeviceState::leaked);
    pc_.on("device_add", {});
    const Result<Attached> again = attach_now(request("x"));
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_TRUE(pc_.has_backend("ivshmemd.x.mem.2"));
    EXPECT_EQ(vm()->inventory().devices.at(0).backend_id, "ivshmemd.x.mem.2");
}

TEST_F(AttachUndo, TakesAnotherSlotWhenSomebodyElseTookItsOwn) {
    start();
    pc_.put_backend("theirs.mem", {"/dev/shm/y", mebibyte, true});
    pc_.put_device("theirs", {.slot = 30, .backend = "theirs.mem"});
    const Result<Attached> attached = attach_now(request("x"));
    ASSERT_TRUE(attached) << attached.error().message;
    EXPECT_EQ(attached->device.spec.slot, 29);
    EXPECT_EQ(pc_.slot_of("ivshmemd.x"), 29);
    EXPECT_EQ(pc_.count("device_add"), 2u);
    EXPECT_EQ(vm()->devices().size(), 2u) << "the other's device was read with it";
}

TEST_F(AttachUndo, DoesNotLeaveASlotThatWasAskedFor) {
    start();
    pc_.put_backend("theirs.mem", {"/dev/shm/y", mebibyte, true});
    pc_.put_device("theirs", {.slot = 9, .backend = "theirs.mem"});
    DeviceRequest wanted = request("x");
    wanted.slot = 9;
    const Result<Attached> attached = attach_now(wanted);
    ASSERT_FALSE(attached);
    EXPECT_EQ(attached.error().kind, ErrorKind::slot_in_use);
    EXPECT_EQ(pc_.count("device_add"), 1u);
    EXPECT_FALSE(pc_.has_backend("ivshmemd.x.mem"));
    EXPECT_FALSE(region_exists("x"));
}

TEST_F(AttachUndo, IsNotRefusedASlotThatSomebodyElseLeftWithoutAWord) {
    pc_.put_backend("theirs.mem", {"/dev/shm/y", mebibyte, true});
    pc_.put_device("theirs", {.slot = 9, .backend = "theirs.mem"});
    start();
    pc_.take_out("theirs");
    DeviceRequest wanted = request("x");
    wanted.slot = 9;
    const Result<Attached> attached = attach_now(wanted);
    ASSERT_TRUE(attached) << attached.error().message;
    EXPECT_EQ(pc_.slot_of("ivshmemd.x"), 9);
}

}  // namespace
}  // namespace ivshmemd::test
