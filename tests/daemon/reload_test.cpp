#include "daemon/reload.h"

#include <spdlog/spdlog.h>

#include <filesystem>
#include <fstream>

#include "tests/daemon/daemon_fixture.h"

// What a new configuration changes in the running daemon, and what it leaves alone.

namespace ivshmemd::test {
namespace {

class Reload : public DaemonFixture {
  protected:
    Reload() { host_.config.log_level = "off"; }

    std::vector<std::string> names() const {
        std::vector<std::string> names;
        for (const auto& each : registry_.all()) names.push_back(each->name());
        return names;
    }

    void apply(Config config) { apply_config(host_, registry_, std::move(config)); }
};

using Names = std::vector<std::string>;

TEST_F(Reload, AddsAndRemovesVmsAndLeavesTheOthersConnected) {
    start();
    const auto before = vm("a");
    const auto session = before->session();
    Config config = host_.config;
    std::erase_if(config.vms, [](const VmConfig& each) { return each.name == "b"; });
    config.vms.push_back({"c", socket("c"), {}});
    other_.listen(socket("c"));
    apply(config);
    EXPECT_EQ(names(), (Names{"a", "c"}));
    EXPECT_TRUE(wait_state(VmState::connected, "c"));
    EXPECT_EQ(vm("a"), before);
    EXPECT_EQ(vm("a")->session(), session);
}

TEST_F(Reload, ConnectsAnewToAVmWhoseEntryChanged) {
    start();
    const auto before = vm("a");
    Config config = host_.config;
    for (VmConfig& each : config.vms) {
        if (each.name == "a") each.user = 4242;
    }
    apply(config);
    EXPECT_NE(vm("a"), before);
    EXPECT_TRUE(before->stopping());
    ASSERT_TRUE(wait_state(VmState::connected));
    EXPECT_EQ(vm("a")->qemu_user(), uid_t{4242});
}

TEST_F(Reload, ChangesTheWatchedDirectory) {
    const TempDir next;
    host_.config.vms.clear();
    host_.config.vm_dirs = {directory_.path()};
    pc_.listen(socket("old"));
    registry_.start();
    ASSERT_EQ(names(), Names{"old"});
    Config config = host_.config;
    config.vm_dirs = {next.path()};
    std::ofstream(next / "new.qmp") << "x";
    apply(config);
    EXPECT_EQ(names(), Names{"new"});
    std::filesystem::remove(next / "new.qmp");
    EXPECT_TRUE(loop_.run_until([this] { return names().empty(); })) << "it is not watched";
    config.vm_dirs.clear();
    std::ofstream(next / "late.qmp") << "x";
    ASSERT_TRUE(loop_.run_until([this] { return names() == Names{"late"}; }));
    apply(config);
    EXPECT_TRUE(names().empty());
}

TEST_F(Reload, LetsAConfiguredVmTakeTheNameFromTheDirectoryAndGiveItBack) {
    host_.config.vms.clear();
    host_.config.vm_dirs = {directory_.path()};
    pc_.listen(socket("x"));
    registry_.start();
    ASSERT_EQ(vm("x")->config().qmp_socket, socket("x"));
    Config config = host_.config;
    config.vms.push_back({"x", directory_ / "elsewhere", {}});
    apply(config);
    EXPECT_EQ(vm("x")->config().qmp_socket, directory_ / "elsewhere");
    config.vms.clear();
    apply(config);
    ASSERT_NE(vm("x"), nullptr);
    EXPECT_EQ(vm("x")->config().qmp_socket, socket("x"));
}

TEST_F(Reload, ChangesTrustLimitsAndLogLevel) {
    const auto level = spdlog::default_logger()->level();
    Config config = host_.config;
    config.trusted_users = {4242};
    config.region_size_limit = 4096;
    config.connections_per_user = 7;
    config.log_level = "critical";
    apply(config);
    EXPECT_EQ(host_.config.trusted_users, std::set<uid_t>{4242});
    EXPECT_EQ(host_.config.region_size_limit, 4096u);
    EXPECT_EQ(host_.config.connections_per_user, 7u);
    EXPECT_EQ(spdlog::default_logger()->level(), spdlog::level::critical);
    spdlog::default_logger()->set_level(level);
}

TEST_F(Reload, KeepsWhatOnlyARestartCanChange) {
    const Config before = host_.config;
    Config config = before;
    config.socket = "/elsewhere.sock";
    config.socket_group = 4242;
    config.state_dir = "/elsewhere";
    config.region_dir = "/elsewhere";
    config.region_group = 4242;
    apply(config);
    EXPECT_EQ(host_.config.socket, before.socket);
    EXPECT_EQ(host_.config.socket_group, before.socket_group);
    EXPECT_EQ(host_.config.state_dir, before.state_dir);
    EXPECT_EQ(host_.config.region_dir, before.region_dir);
    EXPECT_EQ(host_.config.region_group, before.region_group);
}

}  // namespace
}  // namespace ivshmemd::test
