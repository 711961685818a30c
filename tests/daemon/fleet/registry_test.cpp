#include "daemon/fleet/registry.h"

#include <filesystem>
#include <fstream>

#include "tests/daemon/daemon_fixture.h"

namespace ivshmemd::test {
namespace {

class WatchedDirectory : public DaemonFixture {
  protected:
    void SetUp() override {
        host_.config.vms.clear();
        host_.config.vm_dirs = {directory_.path()};
    }
    std::vector<std::string> names() const {
        std::vector<std::string> names;
        for (const auto& each : registry_.all()) names.push_back(each->name());
        return names;
    }
};

TEST_F(WatchedDirectory, GivesAVmForEverySocketThatIsThere) {
    pc_.listen(socket("web.1"));
    registry_.start();
    EXPECT_EQ(names(), (std::vector<std::string>{"web.1"}));
    EXPECT_TRUE(wait_state(VmState::connected, "web.1"));
}

TEST_F(WatchedDirectory, FollowsSocketsThatComeAndGo) {
    registry_.start();
    EXPECT_TRUE(names().empty());
    pc_.listen(socket("late"));
    ASSERT_TRUE(loop_.run_until([this] { return vm("late") != nullptr; }));
    ASSERT_TRUE(wait_state(VmState::connected, "late"));
    std::filesystem::remove(socket("late"));
    EXPECT_TRUE(loop_.run_until([this] { return names().empty(); }));
}

TEST_F(WatchedDirectory, FollowsASocketThatIsRenamed) {
    pc_.listen(socket("old"));
    registry_.start();
    std::filesystem::rename(socket("old"), socket("new"));
    EXPECT_TRUE(loop_.run_until([this] { return names() == std::vector<std::string>{"new"}; }));
}

TEST_F(WatchedDirectory, FollowsADirectoryThatIsRemovedAndMadeAgain) {
    const std::filesystem::path vms = directory_ / "run" / "vms";
    std::filesystem::create_directories(vms);
    host_.config.vm_dirs = {vms};
    pc_.listen(vms / "a.qmp");
    registry_.start();
    ASSERT_TRUE(wait_state(VmState::connected, "a"));
    for (const std::filesystem::path& gone : {vms, vms.parent_path()}) {
        std::filesystem::remove_all(gone);
        ASSERT_TRUE(loop_.run_until([this] { return names().empty(); })) << gone;
        std::filesystem::create_directories(vms);
        std::ofstream(vms / "b.qmp") << "not a socket yet";
        ASSERT_TRUE(loop_.run_until([this] { return vm("b") != nullptr; })) << gone;
    }
}

TEST_F(WatchedDirectory, FollowsADirectoryThatIsReplacedByAnother) {
    const std::filesystem::path vms = directory_ / "vms";
    std::filesystem::create_directories(vms);
    std::filesystem::create_directories(directory_ / "next");
    host_.config.vm_dirs = {vms};
    registry_.start();
    pc_.listen(directory_ / "next" / "b.qmp");
    std::filesystem::rename(vms, directory_ / "before");
    std::filesystem::rename(directory_ / "next", vms);
    EXPECT_TRUE(loop_.run_until([this] { return vm("b") != nullptr; }));
}

TEST_F(WatchedDirectory, AwaitsADirectoryThatIsNotThereYet) {
    const std::filesystem::path vms = directory_ / "later" / "vms";
    host_.config.vm_dirs = {vms};
    registry_.start();
    std::filesystem::create_directories(vms);
    pc_.listen(vms / "b.qmp");
    EXPECT_TRUE(loop_.run_until([this] { return vm("b") != nullptr; }));
}

class TwoDirectories : public WatchedDirectory {
  protected:
    void SetUp() override {
        WatchedDirectory::SetUp();
        second_ = directory_ / "second";
        std::filesystem::create_directory(second_);
        host_.config.vm_dirs = {directory_.path(), second_};
    }
    std::filesystem::path second_;
};

TEST_F(TwoDirectories, GiveTheVmsOfBoth) {
    std::ofstream(socket("a")) << "x";
    registry_.start();
    std::ofstream(second_ / "b.qmp") << "x";
    EXPECT_TRUE(loop_.run_until([this] { return names() == std::vector<std::string>{"a", "b"}; }));
}

TEST_F(TwoDirectories, KeepTheFirstOfTwoOfOneName) {
    std::ofstream(second_ / "a.qmp") << "x";
    registry_.start();
    ASSERT_EQ(vm("a")->config().qmp_socket, second_ / "a.qmp");
    std::ofstream(socket("a")) << "x";
    std::ofstream(socket("b")) << "x";
    ASSERT_TRUE(loop_.run_until([this] { return vm("b") != nullptr; }));
    EXPECT_EQ(vm("a")->config().qmp_socket, second_ / "a.qmp") << "it was there first";
    std::filesystem::remove(second_ / "a.qmp");
    EXPECT_TRUE(
        loop_.run_until([this] { return vm("a") && vm("a")->config().qmp_socket == socket("a"); }));
}

TEST_F(TwoDirectories, PreferTheOneThatIsNamedFirst) {
    std::ofstream(second_ / "a.qmp") << "x";
    std::ofstream(socket("a")) << "x";
    registry_.start();
    EXPECT_EQ(vm("a")->config().qmp_socket, socket("a"));
}

TEST_F(WatchedDirectory, IgnoresWhatHasNoVmName) {
    for (const char* file : {"-x.qmp", ".qmp", "a b.qmp", "a.sock", "a.qmp.bak"}) {
        std::ofstream(directory_ / file) << "x";
    }
    registry_.start();
    EXPECT_TRUE(names().empty());
}

TEST_F(WatchedDirectory, LeavesAConfiguredVmOfTheSameName) {
    host_.config.vms.push_back({"a", directory_ / "elsewhere.sock", {}});
    pc_.listen(socket("a"));
    registry_.start();
    ASSERT_NE(vm("a"), nullptr);
    EXPECT_EQ(vm("a")->config().qmp_socket, directory_ / "elsewhere.sock");
    std::filesystem::remove(socket("a"));
    loop_.run_ready();
    EXPECT_NE(vm("a"), nullptr) << "the directory did not bring it and does not take it";
}

TEST_F(WatchedDirectory, ConnectsAtOnceWhenASocketIsReplaced) {
    host_.deadlines.backoff_min = host_.deadlines.backoff_max = Milliseconds(60000);
    std::ofstream(socket("a")) << "not a socket yet";
    registry_.start();
    ASSERT_TRUE(wait_state(VmState::unreachable));
    pc_.listen(socket("a"));
    EXPECT_TRUE(wait_state(VmState::connected));
}

}  // namespace
}  // namespace ivshmemd::test
