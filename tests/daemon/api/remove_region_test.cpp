#include <fcntl.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "daemon/state/migrations.h"
#include "tests/daemon/api/api_fixture.h"

namespace ivshmemd::test {
namespace {

// VM "b" is not there, and uses nothing.
class ApiRemoveRegion : public ApiFixture {
  protected:
    void SetUp() override {
        serve();
        client_.emplace(connect());
    }

    /// A region of the daemon's, which its device has left unless it is to `stay`.
    void make_region(bool stay = false) {
        const json device{{"vm", "a"}, {"name", "x"}, {"size", mebibyte}};
        ASSERT_EQ(client_->error_of(hotplug("Attach"), device), "");
        if (stay) return;
        const json gone = client_->call(hotplug("Detach"), {{"vm", "a"}, {"name", "x"}});
        ASSERT_EQ(gone["parameters"]["result"], "removed") << gone;
    }
    json remove(const std::string& region = "x") {
        return client_->call(hotplug("RemoveRegion"), {{"region", region}});
    }
    void expect_refused(const json& reply, const std::string& error, const std::string& why) {
        EXPECT_EQ(reply["error"], hotplug(error)) << reply;
        const std::string message = reply["parameters"].value("message", "");
        EXPECT_NE(message.find(why), std::string::npos) << message;
    }

    std::optional<Client> client_;
};

TEST_F(ApiRemoveRegion, ThatADetachHasLeft) {
    make_region();
    const json reply = remove();
    EXPECT_FALSE(reply.contains("error")) << reply;
    EXPECT_FALSE(std::filesystem::exists(region_path("x")));
    EXPECT_TRUE(host_.store->get().regions.empty());
    expect_refused(remove(), "RegionUnavailable", "there is no region 'x'");
}

TEST_F(ApiRemoveRegion, IsToldOfInTheLogByTheRegionsName) {
    std::ostringstream log;
    const auto sink = std::make_shared<spdlog::sinks::ostream_sink_st>(log);
    const auto before = spdlog::default_logger();
    spdlog::set_default_logger(std::make_shared<spdlog::logger>("", sink));
    remove("none");
    spdlog::set_default_logger(before);
    EXPECT_NE(log.str().find("RemoveRegion of region 'none': RegionUnavailable"), std::string::npos)
        << log.str();
}

TEST_F(ApiRemoveRegion, NotWhileADeviceHasIt) {
    make_region(true);
    expect_refused(remove(), "RegionUnavailable", "it is mapped by a/x");
    EXPECT_TRUE(std::filesystem::exists(region_path("x")));
    EXPECT_EQ(host_.store->get().regions.size(), 1u);
}

TEST_F(ApiRemoveRegion, NotWhileAProgramHasItOpen) {
    make_region();
    host_.deadlines.region_free = Milliseconds(60);
    FileDescriptor program(::open(region_path("x").c_str(), O_RDWR | O_CLOEXEC));
    expect_refused(remove(), "RegionUnavailable", "has it open");
    EXPECT_TRUE(std::filesystem::exists(region_path("x")));
    program.reset();
    EXPECT_FALSE(remove().contains("error"));
}

TEST_F(ApiRemoveRegion, NotWhileAVmCannotTell) {
    other_.hold("query-status");
    other_.listen(socket("b"));
    vm("b")->link().hurry();
    ASSERT_TRUE(loop_.run_until([this] { return other_.count("query-status") > 0; }));
    make_region();
    host_.deadlines.region_free = Milliseconds(60);
    expect_refused(remove(), "RegionUnavailable", "VM b");
    other_.release();
    ASSERT_TRUE(wait_state(VmState::connected, "b"));
    EXPECT_FALSE(remove().contains("error"));
}

TEST_F(ApiRemoveRegion, NotThatAMigrationComesBackTo) {
    make_region();
    MigrationRecord record;
    record.vm = "b";
    record.devices.resize(1);
    record.devices[0].name = "y";
    record.devices[0].region = "x";
    loop_.run(put_record(*host_.store, record));
    expect_refused(remove(), "RegionUnavailable", "b/y");
    expect_refused(remove(), "RegionUnavailable", "'ivshmemctl replug b --forget' gives it up");
}

TEST_F(ApiRemoveRegion, NotThatOthersMade) {
    std::ofstream(region_path("theirs")) << "content";
    expect_refused(remove("theirs"), "RegionMismatch", "was not made by ivshmemd");
    make_region();
    std::filesystem::remove(region_path("x"));
    std::ofstream(region_path("x")) << "another file of that name";
    expect_refused(remove(), "RegionMismatch", "was not made by ivshmemd");
    EXPECT_TRUE(std::filesystem::exists(region_path("x")));
}

TEST_F(ApiRemoveRegion, NotOfADriver) {
    const std::string device = directory_ / "device";
    std::ofstream(device) << "stands for a node";
    RegionPlaces places = host_.regions.places();
    places.devices["kvmfr"] = {device};
    host_.regions = RegionFiles(places, std::nullopt);
    expect_refused(remove("kvmfr"), "RegionMismatch", "memory of a driver");
    EXPECT_TRUE(std::filesystem::exists(device));
}

TEST_F(ApiRemoveRegion, NotByAPath) {
    EXPECT_EQ(client_->error_of(hotplug("RemoveRegion"), {{"region", "../x"}}), "BadName");
    EXPECT_EQ(client_->error_of(hotplug("RemoveRegion"), {{"region", "none:x"}}),
              "InvalidParameter");
    EXPECT_EQ(client_->error_of(hotplug("RemoveRegion"), json::object()), "InvalidParameter");
}

}  // namespace
}  // namespace ivshmemd::test
