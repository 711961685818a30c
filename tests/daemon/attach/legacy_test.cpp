#include <sys/stat.h>
#include <unistd.h>

#include "daemon/attach/attach.h"
#include "tests/daemon/vm/operation_fixture.h"
#include "tests/support/json_text.h"
#include "tests/support/root.h"
#include "tests/support/scripted_server.h"

namespace ivshmemd::test {
namespace {

using Names = std::vector<std::string>;

/// A QEMU 3.1 that has all three models.
class AttachLegacy : public OperationFixture {
  protected:
    AttachLegacy() {
        pc_.qemu().version(3, 1);
        host_.config.region_dir = regions_.path();
        for (const char* command : {"qom-list-types", "device-list-properties"}) {
            pc_.on(command, [command](const json&) { return answer(command); });
        }
    }
    static json answer(const std::string& command) {
        if (command == "device-list-properties") {
            return FakeQemu::ok(json::array({{{"name", "addr"}, {"type", "int32"}}}));
        }
        return FakeQemu::ok(json::array(
            {{{"name", "ivshmem"}}, {{"name", "ivshmem-plain"}}, {{"name", "ivshmem-doorbell"}}}));
    }
    void refuse(const std::string& command, const std::string& words) {
        pc_.on(command, [words](const json&) { return FakeQemu::error("GenericError", words); });
    }
    /// What QEMU was told to change about the device x and its memory, in order.
    std::vector<std::string> changes() const {
        std::vector<std::string> names;
        for (const json& each : pc_.qemu_received()) {
            const json id = member(member(each, "arguments"), "id");
            if (id != "ivshmemd.x.mem" && id != "ivshmemd.x") continue;
            names.push_back(member(each, "execute").get<std::string>());
        }
        return names;
    }
    void expect_nothing_left() {
        EXPECT_EQ(pc_.count("device_add"), 0u);
        EXPECT_FALSE(pc_.has_backend("ivshmemd.x.mem"));
        EXPECT_FALSE(region_exists("x"));
        EXPECT_TRUE(vm()->devices().empty());
        EXPECT_EQ(count_events(EventKind::leaked), 0u);
    }
};

TEST_F(AttachLegacy, IsWhatACallerWithoutAModelGets) {
    start();
    const Result<Attached> attached = attach_now(request("x"));
    ASSERT_TRUE(attached) << attached.error().message;
    EXPECT_EQ(attached->device.spec.model, Model::legacy);
    const json given = pc_.given("ivshmemd.x");
    EXPECT_EQ(given["driver"], "ivshmem");
    EXPECT_EQ("/dev/shm/" + given["shm"].get<std::string>(), region_path("x"));
    EXPECT_EQ(given["size"], "1048576B");
    EXPECT_EQ(given["role"], "peer");
    EXPECT_EQ(RegionFiles::inspect(region_path("x")).size, mebibyte);
    ASSERT_TRUE(detach_now(leave("x")));
}

TEST_F(AttachLegacy, HasQemuOpenItsMemoryBeforeTheDeviceComes) {
    start();
    ASSERT_TRUE(attach_now(request("x")));
    EXPECT_EQ(changes(), (Names{"object-add", "object-del", "device_add"}));
    EXPECT_FALSE(pc_.has_backend("ivshmemd.x.mem"));
    EXPECT_TRUE(vm()->inventory().backends.empty());
    EXPECT_EQ(vm()->inventory().devices.at(0).backend_id, "");
    EXPECT_TRUE(host_.store->get().proofs.empty()) << "another backend may get that id";
    ASSERT_TRUE(detach_now(leave("x")));
    EXPECT_EQ(changes().back(), "device_del");
}

TEST_F(AttachLegacy, ShowsTheTrialInADryRun) {
    start();
    const auto dry = loop_.run(attach(vm(), request("x"), true));
    ASSERT_TRUE(dry) << dry.error().message;
    ASSERT_EQ(dry->commands.size(), 3u);
    EXPECT_EQ(dry->commands[0].name, "object-add");
    EXPECT_EQ(dry->commands[1].name, "object-del");
    EXPECT_EQ(dry->commands[2].name, "device_add");
}

TEST_F(AttachLegacy, EndsBeforeTheDeviceWhereQemuMayNotOpenItsMemory) {
    start();
    const std::string words = "can't open backing store for guest RAM: Permission denied";
    refuse("object-add", words);
    const Result<Attached> attached = attach_now(request("x"));
    ASSERT_FALSE(attached);
    EXPECT_EQ(attached.error().kind, ErrorKind::qemu_error);
    EXPECT_EQ(detail(attached.error(), "description"), words);
    EXPECT_NE(attached.error().message.find(words + "; "), std::string::npos)
        << "no advice: " << attached.error().message;
    EXPECT_EQ(pc_.count("object-del"), 0u);
    expect_nothing_left();
}

TEST_F(AttachLegacy, EndsBeforeTheDeviceWhereQemuHasAnotherFile) {
    pc_.see_other_files();
    start();
    const Result<Attached> attached = attach_now(request("x"));
    ASSERT_FALSE(attached);
    EXPECT_EQ(attached.error().kind, ErrorKind::region_unavailable);
    expect_nothing_left();
}

TEST_F(AttachLegacy, EndsBeforeTheDeviceAndNamesATrialThatStays) {
    start();
    pc_.pin_backend("ivshmemd.x.mem");
    const Result<Attached> attached = attach_now(request("x"));
    ASSERT_FALSE(attached);
    EXPECT_EQ(detail(attached.error(), "command"), "object-del");
    EXPECT_NE(detail(attached.error(), "leftovers").find("ivshmemd.x.mem"), std::string::npos);
    EXPECT_EQ(pc_.count("device_add"), 0u);
    EXPECT_EQ(count_events(EventKind::leaked, "x"), 1u);
}

TEST_F(AttachLegacy, EndsBeforeTheDeviceWhenNoAnswerComesToTheTrialsEnd) {
    host_.deadlines.add = Milliseconds(80);
    start();
    std::atomic<bool> silent = true;
    pc_.on("object-del", [&](const json& arguments) {
        const json answer = pc_.real("object-del", arguments);
        const bool is_trial = arguments["id"] == "ivshmemd.x.mem";
        return is_trial && silent.exchange(false) ? json() : answer;
    });
    const Result<Attached> attached = attach_now(request("x"));
    ASSERT_FALSE(attached);
    EXPECT_EQ(attached.error().kind, ErrorKind::timed_out);
    EXPECT_EQ(detail(attached.error(), "outcome"), "undone");
    expect_nothing_left();
}

TEST_F(AttachLegacy, LeavesNoTrialOfADaemonThatWasKilled) {
    pc_.put_backend("ivshmemd.x.mem", {region_path("x"), mebibyte, false});
    start();
    EXPECT_TRUE(loop_.run_until([this] { return !pc_.has_backend("ivshmemd.x.mem"); }));
    EXPECT_TRUE(attach_now(request("x")));
}

TEST_F(AttachLegacy, GivesPlainToACallerWhoNamesIt) {
    start();
    DeviceRequest plain = request("x");
    plain.model = Model::plain;
    std::atomic<bool> nested = false;
    pc_.on("object-add", [&](const json& arguments) {
        nested = arguments.contains("props");
        return pc_.real("object-add", arguments);
    });
    const Result<Attached> attached = attach_now(plain);
    ASSERT_TRUE(attached) << attached.error().message;
    EXPECT_EQ(attached->device.spec.model, Model::plain);
    EXPECT_TRUE(nested);
}

TEST_F(AttachLegacy, TakesAServerWithInterruptsByPin) {
    const FileDescriptor memory = shared_memory(mebibyte);
    const std::string path = directory_ / "server";
    const ScriptedServer server(path, [&](int client) {
        send_handshake(client, 0, memory.get());
        send_vectors(client, 0, 2);
        wait_closed(client);
    });
    start();
    DeviceRequest request;
    request.name = "x";
    request.server = path;
    request.vectors = 2;
    request.msi = false;
    const Result<Attached> attached = attach_now(request);
    ASSERT_TRUE(attached) << attached.error().message;
    const json given = pc_.given("ivshmemd.x");
    EXPECT_EQ(given["msi"], false);
    EXPECT_EQ(given["ioeventfd"], false);
    EXPECT_EQ(given["size"], "1048576B");
    EXPECT_EQ(interrupts_of(attached->device.spec), "intx");
}

// What the refusal goes by: QEMU 3.1 aborts when it cannot open the memory of a legacy device.
TEST_F(AttachLegacy, KnowsWhoCanOpenARegion) {
    if (lacks_root("needs a file of another owner")) return;
    ASSERT_TRUE(host_.regions.create("x", mebibyte, 0));
    ASSERT_EQ(::chmod(region_path("x").c_str(), 0600), 0);
    ASSERT_EQ(::chown(region_path("x").c_str(), 1234, 1234), 0);
    EXPECT_FALSE(RegionFiles::admits(region_path("x"), 4321));
    EXPECT_TRUE(RegionFiles::admits(region_path("x"), 1234));
    host_.regions.grant(RegionFiles::look(region_path("x")), 4321);
    EXPECT_TRUE(RegionFiles::admits(region_path("x"), 4321));
    ASSERT_EQ(::chmod(region_path("x").c_str(), 0606), 0);
    EXPECT_TRUE(RegionFiles::admits(region_path("x"), 99));
}

}  // namespace
}  // namespace ivshmemd::test
