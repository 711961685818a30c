#include "daemon/attach/server.h"

#include "daemon/vm/refresh.h"
#include "tests/daemon/attach/server_fixture.h"

namespace ivshmemd::test {
namespace {

class AttachServer : public ServerFixture {};

TEST_F(AttachServer, GivesQemuARelayAndTakesTheSizeOfTheMemory) {
    const ScriptedServer server(path(), good());
    start();
    const Result<Attached> attached = attach_now(wanted());
    ASSERT_TRUE(attached) << attached.error().message;
    EXPECT_EQ(attached->device.spec.model, Model::doorbell);
    EXPECT_EQ(attached->device.spec.size, mebibyte);
    EXPECT_EQ(attached->device.spec.server, path());
    EXPECT_EQ(attached->device.memory_sealed, true);
    EXPECT_EQ(attached->device.relay_lost, false);
    EXPECT_TRUE(pc_.has_chardev("ivshmemd.x.chr"));
    EXPECT_EQ(pc_.given("ivshmemd.x")["vectors"], 2);
    EXPECT_EQ(pc_.given("ivshmemd.x")["ioeventfd"], true);
    EXPECT_EQ(pc_.given("ivshmemd.x")["master"], "off");
    EXPECT_FALSE(region_exists("x"));

    const Result<Attached> again = attach_now(wanted());
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_FALSE(again->changed);
    ASSERT_TRUE(loop_.run(refresh(vm(), Milliseconds(1000))));
    EXPECT_EQ(vm()->device("x")->spec.server, path());
    EXPECT_EQ(vm()->device("x")->relay_lost, false);
}

TEST_F(AttachServer, GivesTheDeviceAsManyVectorsAsTheServerGives) {
    const ScriptedServer server(path(), good());
    start();
    DeviceRequest request = wanted();
    request.vectors.reset();
    host_.deadlines.vectors = Milliseconds(500);  // the server's thread may have to wait that long
    const auto dry = loop_.run(attach(vm(), request, true));
    ASSERT_TRUE(dry) << dry.error().message;
    EXPECT_EQ(dry->device.spec.vectors, 2u);
    const Result<Attached> attached = attach_now(request);
    ASSERT_TRUE(attached) << attached.error().message;
    EXPECT_EQ(attached->device.spec.vectors, 2u);
    EXPECT_EQ(pc_.given("ivshmemd.x")["vectors"], 2);
    const Result<Attached> again = attach_now(request);
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_FALSE(again->changed);
    request.vectors = 1;
    EXPECT_EQ(attach_now(request).error().kind, ErrorKind::device_exists);
    request.name = "y";
    EXPECT_EQ(attach_now(request).error().kind, ErrorKind::server_unusable) << "1 was asked for";
}

TEST_F(AttachServer, TakesChardevAndRelayBackWithTheDevice) {
    const ScriptedServer server(path(), good());
    start();
    ASSERT_TRUE(attach_now(wanted()));
    pc_.keep_chardevs_busy(2);
    ASSERT_TRUE(detach_now(leave("x")));
    EXPECT_FALSE(pc_.has_chardev("ivshmemd.x.chr"));
    EXPECT_TRUE(host_.relays.devices("a").empty());
    EXPECT_EQ(count_events(EventKind::server_lost, "x"), 0u);
}

TEST_F(AttachServer, LeavesNothingWhenQemuRefusesTheDevice) {
    const ScriptedServer server(path(), good());
    pc_.on("device_add", [](const json&) { return FakeQemu::error("GenericError", "no"); });
    start();
    const Result<Attached> attached = attach_now(wanted());
    ASSERT_FALSE(attached);
    EXPECT_EQ(attached.error().kind, ErrorKind::qemu_error);
    EXPECT_FALSE(pc_.has_chardev("ivshmemd.x.chr"));
    EXPECT_TRUE(host_.relays.devices("a").empty());
}

TEST_F(AttachServer, LeavesNoDescriptorWhenQemuRefusesTheChardev) {
    const ScriptedServer server(path(), good());
    pc_.on("chardev-add", [](const json&) { return FakeQemu::error("GenericError", "no"); });
    start();
    const Result<Attached> attached = attach_now(wanted());
    ASSERT_FALSE(attached);
    EXPECT_EQ(pc_.count("closefd"), 1u);
    EXPECT_TRUE(host_.relays.devices("a").empty());
}

TEST_F(AttachServer, SendsNothingToQemuWhenTheServerIsBad) {
    const ScriptedServer server(path(), [](int) {});
    start();
    const Result<Attached> attached = attach_now(wanted());
    ASSERT_FALSE(attached);
    EXPECT_EQ(attached.error().kind, ErrorKind::server_unusable);
    EXPECT_EQ(pc_.count("getfd") + pc_.count("chardev-add") + pc_.count("device_add"), 0u);
}

TEST_F(AttachServer, TakesAMasterOnlyAsTheFirstPeer) {
    const ScriptedServer server(path(), good());
    start();
    DeviceRequest master = wanted();
    master.role = Role::master;
    ASSERT_TRUE(attach_now(master));
    master.name = "y";
    const Result<Attached> second = attach_now(master);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().kind, ErrorKind::config_unsupported);
    EXPECT_EQ(pc_.count("device_add"), 1u);
}

TEST_F(AttachServer, RefusesAnotherSizeThanTheServers) {
    const ScriptedServer server(path(), good());
    start();
    DeviceRequest request = wanted();
    request.size = 2 * mebibyte;
    EXPECT_EQ(attach_now(request).error().kind, ErrorKind::region_mismatch);
    request.size = 3 * mebibyte;
    EXPECT_EQ(attach_now(request).error().kind, ErrorKind::bad_size);
}

TEST_F(AttachServer, ReportsTheServersEndAtOnce) {
    auto server = std::make_unique<ScriptedServer>(path(), good());
    start();
    ASSERT_TRUE(attach_now(wanted()));
    server.reset();
    ASSERT_TRUE(wait_event(EventKind::server_lost, "x"));
    EXPECT_EQ(vm()->device("x")->relay_lost, true);
    EXPECT_TRUE(pc_.has_device("ivshmemd.x"));
}

TEST_F(AttachServer, OnlyShowsTheCommandsOfADryRun) {
    const ScriptedServer server(path(), good());
    start();
    const auto dry = loop_.run(attach(vm(), wanted(), true));
    ASSERT_TRUE(dry) << dry.error().message;
    ASSERT_EQ(dry->commands.size(), 3u);
    EXPECT_EQ(dry->commands[0].name, "getfd");
    EXPECT_EQ(dry->device.spec.size, mebibyte);
    EXPECT_EQ(reserved(memory_), 0u);
    EXPECT_EQ(pc_.count("getfd"), 0u);
    EXPECT_TRUE(host_.relays.devices("a").empty());
}

}  // namespace
}  // namespace ivshmemd::test
